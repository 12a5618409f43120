-- Made by `python -m registry.migrations`; do not edit.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE dataset (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	created VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_dataset_name ON dataset (name);
CREATE TABLE endpoint (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	host VARCHAR, 
	port INTEGER, 
	state VARCHAR NOT NULL, 
	created VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_endpoint_name ON endpoint (name);
CREATE TABLE model (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	created VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_model_name ON model (name);
CREATE TABLE dataset_version (
	id INTEGER NOT NULL, 
	dataset_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	path VARCHAR NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	rows INTEGER NOT NULL, 
	columns JSON, 
	roles JSON, 
	splits JSON, 
	size_bytes INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	created VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	UNIQUE (dataset_id, version)
);
CREATE INDEX ix_dataset_version_dataset_id ON dataset_version (dataset_id);
CREATE INDEX ix_dataset_version_fingerprint ON dataset_version (fingerprint);
CREATE TABLE model_version (
	id INTEGER NOT NULL, 
	model_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	origin VARCHAR NOT NULL, 
	revision VARCHAR, 
	path VARCHAR NOT NULL, 
	task VARCHAR, 
	architecture VARCHAR, 
	model_type VARCHAR, 
	parameters INTEGER, 
	size_bytes INTEGER NOT NULL, 
	license VARCHAR, 
	labels JSON, 
	parent_id INTEGER, 
	created VARCHAR NOT NULL, 
	verified VARCHAR, note VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(model_id) REFERENCES model (id), 
	FOREIGN KEY(parent_id) REFERENCES model_version (id), 
	UNIQUE (model_id, version)
);
CREATE INDEX ix_model_version_model_id ON model_version (model_id);
CREATE INDEX ix_model_version_parent_id ON model_version (parent_id);
CREATE TABLE deployment (
	id INTEGER NOT NULL, 
	endpoint_id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	model_version_id INTEGER NOT NULL, 
	traffic INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	created VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(endpoint_id) REFERENCES endpoint (id) ON DELETE CASCADE, 
	FOREIGN KEY(model_version_id) REFERENCES model_version (id), 
	UNIQUE (endpoint_id, name)
);
CREATE INDEX ix_deployment_endpoint_id ON deployment (endpoint_id);
CREATE INDEX ix_deployment_model_version_id ON deployment (model_version_id);
CREATE TABLE model_file (
	id INTEGER NOT NULL, 
	model_version_id INTEGER NOT NULL, 
	path VARCHAR NOT NULL, 
	size INTEGER NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(model_version_id) REFERENCES model_version (id) ON DELETE CASCADE, 
	UNIQUE (model_version_id, path)
);
CREATE TABLE run (
	id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	backend VARCHAR NOT NULL, 
	task VARCHAR, 
	state VARCHAR NOT NULL, 
	name VARCHAR, 
	model_version_id INTEGER, 
	dataset_version_id INTEGER, 
	output_version_id INTEGER, 
	model VARCHAR, 
	data VARCHAR, 
	metrics JSON, 
	created VARCHAR NOT NULL, 
	started VARCHAR, 
	ended VARCHAR, 
	error VARCHAR, away FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(dataset_version_id) REFERENCES dataset_version (id), 
	FOREIGN KEY(model_version_id) REFERENCES model_version (id), 
	FOREIGN KEY(output_version_id) REFERENCES model_version (id), 
	UNIQUE (output_version_id)
);
CREATE INDEX ix_run_dataset_version_id ON run (dataset_version_id);
CREATE INDEX ix_run_model_version_id ON run (model_version_id);
CREATE INDEX ix_run_state ON run (state);
CREATE TABLE metric (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	epoch FLOAT, 
	split VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
);
CREATE INDEX ix_metric_run_id ON metric (run_id);
CREATE TABLE model_tag (
	model_version_id INTEGER NOT NULL, 
	tag VARCHAR NOT NULL, 
	PRIMARY KEY (model_version_id, tag), 
	FOREIGN KEY(model_version_id) REFERENCES model_version (id) ON DELETE CASCADE
);
CREATE INDEX ix_model_tag_tag ON model_tag (tag);
CREATE TABLE run_tag (
	run_id INTEGER NOT NULL, 
	tag VARCHAR NOT NULL, 
	PRIMARY KEY (run_id, tag), 
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
);
CREATE INDEX ix_run_tag_tag ON run_tag (tag);
INSERT INTO alembic_version (version_num) VALUES ('0004');
