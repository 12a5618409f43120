for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
  const cell = button.parentElement, table = cell.closest("table"), body = table.tBodies[0];
  const at = [...cell.parentElement.children].indexOf(cell);
  const down = cell.getAttribute("aria-sort") === "ascending";
  const value = (row) => row.children[at].dataset.value ?? row.children[at].textContent;
  const rows = [...body.rows].sort((a, b) => {
    const x = value(a), y = value(b), n = x - y;
    return Number.isNaN(n) ? x.localeCompare(y) : n;
  });
  for (const other of cell.parentElement.children) other.removeAttribute("aria-sort");
  cell.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...(down ? rows.reverse() : rows));
});
