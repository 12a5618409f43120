// Microsoft's validator of its own specifications, as a process that answers line by line.
// argv: the folder `specification`. stdin: one JSON request-response pair a line; stdout: one
// JSON list of violations a line, the first line says "ready".
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const say = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr); // oav talks
const { LiveValidator } = createRequire(import.meta.url)("oav");

const validator = new LiveValidator({
  directory: process.argv[2],
  git: { shouldClone: false },
  swaggerPathsPattern: ["machinelearningservices/resource-manager/**/*.json"],
  excludedSwaggerPathsPattern: ["**/examples/**"],
  loadValidatorInInitialize: false,
  loadValidatorInBackground: false,
  isArmCall: true,
});
await validator.initialize();
say('"ready"\n');

const violations = (side, result) => [
  ...(result.runtimeException
    ? [{ side, code: result.runtimeException.code, path: "", message: result.runtimeException.message }]
    : []),
  ...result.errors.map((error) => ({
    side,
    code: error.code,
    path: (error.pathsInPayload ?? []).join(" "),
    message: error.message,
  })),
];

for await (const line of createInterface({ input: process.stdin })) {
  const pair = JSON.parse(line);
  const result = await validator.validateLiveRequestResponse(pair, { includeOperationMatch: true });
  const found = result.runtimeException
    ? [{ side: "pair", code: result.runtimeException.code, path: "", message: result.runtimeException.message }]
    : [
        ...violations("request", result.requestValidationResult),
        ...violations("answer", result.responseValidationResult),
      ];
  say(JSON.stringify(found) + "\n");
}
