BEGIN TRANSACTION;
CREATE TABLE access_log (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	site_id VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	who VARCHAR(64) NOT NULL,
	what VARCHAR(64) NOT NULL,
	resident VARCHAR(64) NOT NULL,
	why VARCHAR(200)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0011');
CREATE TABLE alerts (
	alert_id VARCHAR(64) NOT NULL,
	incident_id VARCHAR(64) NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	home_id VARCHAR(300) NOT NULL,
	ward_id VARCHAR(64),
	subject_id VARCHAR(300) NOT NULL,
	resident_id VARCHAR(64),
	device_id VARCHAR(64),
	rule VARCHAR(16) NOT NULL,
	rule_version VARCHAR(64) NOT NULL,
	code VARCHAR(16) NOT NULL,
	priority VARCHAR(2) NOT NULL,
	raised_from VARCHAR(2),
	episode VARCHAR(300) NOT NULL,
	source VARCHAR(16) NOT NULL,
	alarm BOOLEAN NOT NULL,
	staff_alarm BOOLEAN NOT NULL,
	"trigger" VARCHAR(300),
	test BOOLEAN NOT NULL,
	self_resolves BOOLEAN NOT NULL,
	ever_claimed BOOLEAN NOT NULL,
	condition VARCHAR(16) NOT NULL,
	handling VARCHAR(16) NOT NULL,
	open BOOLEAN NOT NULL,
	merged_into VARCHAR(64),
	continued_by VARCHAR(64),
	presses INTEGER NOT NULL,
	last_press_ms BIGINT,
	opened_ms BIGINT NOT NULL,
	cleared_ms BIGINT,
	closed_ms BIGINT,
	late_ms BIGINT NOT NULL,
	due_ms BIGINT,
	reason JSON NOT NULL,
	parameters JSON NOT NULL,
	suppressed JSON NOT NULL,
	outcome VARCHAR(64),
	cause_code VARCHAR(64),
	action_code VARCHAR(64),
	contact_code VARCHAR(64),
	CONSTRAINT pk_alerts PRIMARY KEY (alert_id)
);
INSERT INTO "alerts" VALUES('a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','solbakken','h2','nord','r2','r2','d2','R01','v1','3','P1',NULL,'p0','rules',1,0,'vardevakt:gw-2/pendant|pendant',0,0,1,'momentary','documented',0,NULL,NULL,1,1772328600000,1772328600000,NULL,1772329320000,0,NULL,'{"code": "pressed", "args": {"trigger": "pendant"}}','{}','[]','handled','toilet','visit','on_site');
INSERT INTO "alerts" VALUES('40b8def1-4b6b-5be0-93a7-0717ab7b9995','24774d55-9b9e-55ae-88bf-f9529863980b','solbakken','h1','nord','r1','r1','d2','R05','v1','4.7','P2',NULL,'e0','rules',0,0,NULL,0,1,0,'cleared','ended',0,NULL,NULL,0,NULL,1772329320000,1772329380000,1772329380000,0,NULL,'{"code": "out_of_bed", "args": {"minutes": 20}}','{}','[]','self_resolved',NULL,NULL,NULL);
INSERT INTO "alerts" VALUES('a501caff-023a-556f-a99c-e3c64a534b09','58648408-3272-5976-b22c-fad9a93fa828','solbakken','h2','nord','r2','r2','d2','R05','v1','4.7','P2',NULL,'e1','rules',0,0,NULL,0,1,1,'active','claimed',1,NULL,NULL,0,NULL,1772329380000,NULL,NULL,0,NULL,'{"code": "out_of_bed", "args": {"minutes": 20}}','{}','[]',NULL,NULL,NULL,NULL);
INSERT INTO "alerts" VALUES('aca56521-ccdf-50de-992a-3bfcfbb8b625','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','solbakken','h1','nord','r1','r1','d1','R01','v1','3','P1',NULL,'p1','rules',1,0,'vardevakt:gw-1/pendant-7|pendant',0,0,0,'momentary','new',1,NULL,NULL,2,1772329561000,1772329470000,NULL,NULL,0,NULL,'{"code": "pressed", "args": {"trigger": "pendant"}}','{}','[]',NULL,NULL,NULL,NULL);
INSERT INTO "alerts" VALUES('d0bfe7d8-8a1a-5fde-8867-00409230c239','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','solbakken','h1','nord','r1','r1','d1','R01','v1','3','P1',NULL,'p2','rules',1,0,'vardevakt:gw-1/pendant-7|pendant',0,0,1,'momentary','new',1,'aca56521-ccdf-50de-992a-3bfcfbb8b625',NULL,1,1772329561000,1772329561000,NULL,NULL,0,NULL,'{"code": "pressed", "args": {"trigger": "pendant"}}','{}','[]',NULL,NULL,NULL,NULL);
INSERT INTO "alerts" VALUES('e2322d37-02a8-59b5-afda-3e360d07f33f','58648408-3272-5976-b22c-fad9a93fa828','solbakken','h2','nord','r2','r2',NULL,'R52','v1','','P2',NULL,'1772329561000','rules',0,0,NULL,0,1,1,'active','claimed',1,NULL,NULL,0,NULL,1772329561000,NULL,NULL,0,NULL,'{"code": "dwell.too_long"}','{}','[]',NULL,NULL,NULL,NULL);
CREATE TABLE applied (
	lane VARCHAR(64) NOT NULL,
	partition INTEGER NOT NULL,
	position BIGINT NOT NULL,
	CONSTRAINT pk_applied PRIMARY KEY (lane, partition)
);
INSERT INTO "applied" VALUES('home',0,9);
CREATE TABLE attempts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	message_id BIGINT NOT NULL,
	channel VARCHAR(64) NOT NULL,
	number INTEGER NOT NULL,
	may_repeat BOOLEAN NOT NULL,
	started_ms BIGINT NOT NULL,
	ended_ms BIGINT,
	result VARCHAR(16),
	detail VARCHAR(200)
, provider_id VARCHAR(200), holder VARCHAR(64));
INSERT INTO "attempts" VALUES(1,1,'phones',1,0,1772328600000,1772328600000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(2,2,'phones',1,0,1772329320000,1772329320000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(3,3,'phones',1,0,1772329380000,1772329380000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(4,4,'phones',1,0,1772329380000,1772329380000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(5,5,'phones',1,0,1772329470000,1772329470000,'failed','down',NULL,NULL);
INSERT INTO "attempts" VALUES(6,5,'phones',2,0,1772329475000,1772329475000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(7,6,'phones',1,0,1772329560000,1772329560000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(8,7,'phones',1,0,1772329560000,1772329560000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(9,8,'phones',1,0,1772329561000,1772329561000,'ok','',NULL,NULL);
INSERT INTO "attempts" VALUES(10,9,'phones',1,0,1772329561000,1772329561000,'ok','',NULL,NULL);
CREATE TABLE audit (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	site_id VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	who VARCHAR(64),
	what VARCHAR(64) NOT NULL,
	about VARCHAR(64) NOT NULL,
	args JSON NOT NULL
);
INSERT INTO "audit" VALUES(1,'solbakken',1772328600000,NULL,'user.added','ola','{"roles": ["carer"], "wards": null, "staff": "s1"}');
INSERT INTO "audit" VALUES(2,'solbakken',1772328600000,NULL,'key.added','be45c03469aa','{"label": "bro", "roles": ["carer"]}');
INSERT INTO "audit" VALUES(3,'solbakken',1772329561000,'s9','policy.saved','own','{"version": 1}');
INSERT INTO "audit" VALUES(4,'solbakken',1772329561000,'test','phone.added','4184ed8d1377','{"label": "phone of natt-1", "function": "natt-1"}');
INSERT INTO "audit" VALUES(5,'solbakken',1772329561000,'ola','user.pin','ola','{}');
CREATE TABLE bases (
	lane VARCHAR(64) NOT NULL,
	partition INTEGER NOT NULL,
	position BIGINT NOT NULL,
	engine VARCHAR(200) NOT NULL,
	state BLOB NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_bases PRIMARY KEY (lane, partition, position)
);
INSERT INTO "bases" VALUES('live',17,42,'engine-1',X'7374617465',1772329561000);
CREATE TABLE books (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	book JSON NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_books PRIMARY KEY (site_id, id)
);
CREATE TABLE causes (
	alert_id VARCHAR(64) NOT NULL,
	event_id VARCHAR(64) NOT NULL,
	place INTEGER NOT NULL,
	type VARCHAR(64) NOT NULL,
	observed_ms BIGINT,
	received_ms BIGINT NOT NULL,
	effective_ms BIGINT NOT NULL,
	device_id VARCHAR(64),
	quality JSON NOT NULL,
	content JSON NOT NULL,
	CONSTRAINT pk_causes PRIMARY KEY (alert_id, event_id)
);
INSERT INTO "causes" VALUES('a918815f-5246-5dce-9a0a-1976fb04a583','p0',0,'alarm.pressed',NULL,1772328600000,1772328600000,NULL,'[]','{}');
INSERT INTO "causes" VALUES('40b8def1-4b6b-5be0-93a7-0717ab7b9995','left-e0',0,'bed.left',NULL,1772328120000,1772328120000,NULL,'[]','{}');
INSERT INTO "causes" VALUES('40b8def1-4b6b-5be0-93a7-0717ab7b9995','back-1772329380000',1,'bed.occupied',NULL,1772329380000,1772329380000,NULL,'[]','{}');
INSERT INTO "causes" VALUES('a501caff-023a-556f-a99c-e3c64a534b09','left-e1',0,'bed.left',NULL,1772328180000,1772328180000,NULL,'[]','{}');
INSERT INTO "causes" VALUES('aca56521-ccdf-50de-992a-3bfcfbb8b625','p1',0,'alarm.pressed',NULL,1772329470000,1772329470000,NULL,'[]','{}');
INSERT INTO "causes" VALUES('d0bfe7d8-8a1a-5fde-8867-00409230c239','p2',0,'alarm.pressed',NULL,1772329561000,1772329561000,NULL,'[]','{}');
INSERT INTO "causes" VALUES('aca56521-ccdf-50de-992a-3bfcfbb8b625','p2',1,'alarm.pressed',NULL,1772329561000,1772329561000,NULL,'[]','{}');
CREATE TABLE changes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	kind VARCHAR(16) NOT NULL,
	ref VARCHAR(300) NOT NULL,
	at_ms BIGINT NOT NULL
);
INSERT INTO "changes" VALUES(1,'alert','a918815f-5246-5dce-9a0a-1976fb04a583',1772328600000);
INSERT INTO "changes" VALUES(2,'alert','a918815f-5246-5dce-9a0a-1976fb04a583',1772328600000);
INSERT INTO "changes" VALUES(3,'alert','a918815f-5246-5dce-9a0a-1976fb04a583',1772328600000);
INSERT INTO "changes" VALUES(4,'alert','a918815f-5246-5dce-9a0a-1976fb04a583',1772328660000);
INSERT INTO "changes" VALUES(5,'alert','a918815f-5246-5dce-9a0a-1976fb04a583',1772328720000);
INSERT INTO "changes" VALUES(6,'alert','a918815f-5246-5dce-9a0a-1976fb04a583',1772329320000);
INSERT INTO "changes" VALUES(7,'alert','a918815f-5246-5dce-9a0a-1976fb04a583',1772329320000);
INSERT INTO "changes" VALUES(8,'alert','40b8def1-4b6b-5be0-93a7-0717ab7b9995',1772329320000);
INSERT INTO "changes" VALUES(9,'alert','40b8def1-4b6b-5be0-93a7-0717ab7b9995',1772329320000);
INSERT INTO "changes" VALUES(10,'alert','40b8def1-4b6b-5be0-93a7-0717ab7b9995',1772329380000);
INSERT INTO "changes" VALUES(11,'alert','40b8def1-4b6b-5be0-93a7-0717ab7b9995',1772329380000);
INSERT INTO "changes" VALUES(12,'alert','a501caff-023a-556f-a99c-e3c64a534b09',1772329380000);
INSERT INTO "changes" VALUES(13,'alert','a501caff-023a-556f-a99c-e3c64a534b09',1772329380000);
INSERT INTO "changes" VALUES(14,'alert','a501caff-023a-556f-a99c-e3c64a534b09',1772329440000);
INSERT INTO "changes" VALUES(15,'health','not_watched',1772329470000);
INSERT INTO "changes" VALUES(16,'resident','r1',1772329470000);
INSERT INTO "changes" VALUES(17,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329470000);
INSERT INTO "changes" VALUES(18,'health','channel/phones',1772329470000);
INSERT INTO "changes" VALUES(19,'health','channel/phones',1772329475000);
INSERT INTO "changes" VALUES(20,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329475000);
INSERT INTO "changes" VALUES(21,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329560000);
INSERT INTO "changes" VALUES(22,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329560000);
INSERT INTO "changes" VALUES(23,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329560000);
INSERT INTO "changes" VALUES(24,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329561000);
INSERT INTO "changes" VALUES(25,'alert','d0bfe7d8-8a1a-5fde-8867-00409230c239',1772329561000);
INSERT INTO "changes" VALUES(26,'setting','policy/own',1772329561000);
INSERT INTO "changes" VALUES(27,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329561000);
INSERT INTO "changes" VALUES(28,'alert','d0bfe7d8-8a1a-5fde-8867-00409230c239',1772329561000);
INSERT INTO "changes" VALUES(29,'health','shift',1772329561000);
INSERT INTO "changes" VALUES(30,'alert','aca56521-ccdf-50de-992a-3bfcfbb8b625',1772329561000);
INSERT INTO "changes" VALUES(31,'health','not_watched',1772329561000);
INSERT INTO "changes" VALUES(32,'resident','r2',1772329561000);
INSERT INTO "changes" VALUES(33,'alert','e2322d37-02a8-59b5-afda-3e360d07f33f',1772329561000);
INSERT INTO "changes" VALUES(34,'alert','e2322d37-02a8-59b5-afda-3e360d07f33f',1772329561000);
CREATE TABLE channel_states (
	site_id VARCHAR(64) NOT NULL,
	channel VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	since_ms BIGINT NOT NULL,
	failures INTEGER NOT NULL,
	latency_ms BIGINT,
	last_ok_ms BIGINT,
	last_failed_ms BIGINT,
	detail VARCHAR(200),
	alert_id VARCHAR(64),
	CONSTRAINT pk_channel_states PRIMARY KEY (site_id, channel)
);
INSERT INTO "channel_states" VALUES('solbakken','phones','ok',1772329475000,0,0,1772329561000,1772329470000,'down',NULL);
CREATE TABLE contacts (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	resident VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	relation VARCHAR(200),
	phone VARCHAR(32),
	responder BOOLEAN NOT NULL,
	position INTEGER NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL, hours VARCHAR(16),
	CONSTRAINT pk_contacts PRIMARY KEY (site_id, id),
	CONSTRAINT fk_contacts_site_id_resident_residents FOREIGN KEY(site_id, resident) REFERENCES residents (site_id, id)
);
INSERT INTO "contacts" VALUES('solbakken','c1','r1','Per',NULL,NULL,1,0,1,0,'22:00-07:00');
CREATE TABLE devices (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	address VARCHAR(200) NOT NULL,
	model VARCHAR(200),
	role VARCHAR(200),
	room VARCHAR(200),
	resident VARCHAR(64),
	home VARCHAR(64),
	gateway VARCHAR(64),
	interval_ms BIGINT,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_devices PRIMARY KEY (site_id, id),
	CONSTRAINT fk_devices_site_id_gateway_gateways FOREIGN KEY(site_id, gateway) REFERENCES gateways (site_id, id),
	CONSTRAINT fk_devices_site_id_home_homes FOREIGN KEY(site_id, home) REFERENCES homes (site_id, id),
	CONSTRAINT fk_devices_site_id_resident_residents FOREIGN KEY(site_id, resident) REFERENCES residents (site_id, id),
	CONSTRAINT uq_devices_site_id_address UNIQUE (site_id, address)
);
INSERT INTO "devices" VALUES('solbakken','d1','vardevakt:gw-1/pendant',NULL,'pendant',NULL,'r1',NULL,NULL,NULL,1,0);
INSERT INTO "devices" VALUES('solbakken','d2','vardevakt:gw-2/pendant',NULL,'pendant',NULL,'r2',NULL,NULL,NULL,1,0);
CREATE TABLE effects (
	lane VARCHAR(64) NOT NULL,
	effect_id VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_effects PRIMARY KEY (lane, effect_id)
)
 WITHOUT ROWID

;
INSERT INTO "effects" VALUES('home','fd4a011d-e5f7-5f5c-aefb-35188c4cce95',1772328600000);
INSERT INTO "effects" VALUES('home','fd4a011d-e5f7-5f5c-aefb-35188c4cce95-floor',1772328600000);
INSERT INTO "effects" VALUES('home','cad3486e-41db-5d68-b015-a89f8f2d1764',1772329320000);
INSERT INTO "effects" VALUES('home','96a45676-ef4d-59f9-b9fd-4c1f452c2e5f',1772329380000);
INSERT INTO "effects" VALUES('home','b98424cf-38b9-5c55-adc1-d16631fd516a',1772329380000);
INSERT INTO "effects" VALUES('home','574a8d39-f66e-55c8-8957-32c03e37ec71',1772329470000);
INSERT INTO "effects" VALUES('home','d1c257af-240c-56d4-bc0c-5bedd889f779',1772329470000);
INSERT INTO "effects" VALUES('home','0f62ea22-cd44-5c12-ae82-ea7cef18c03f',1772329561000);
INSERT INTO "effects" VALUES('home','6de0543c-445a-54a7-8ae9-33d7d9cd990f',1772329561000);
INSERT INTO "effects" VALUES('home','ea1ca810-af43-5219-8cb6-0bbad1f7256b',1772329561000);
CREATE TABLE findings (
	id INTEGER NOT NULL,
	at_ms BIGINT NOT NULL,
	kind VARCHAR(64) NOT NULL,
	ref VARCHAR(300) NOT NULL,
	repaired BOOLEAN NOT NULL,
	CONSTRAINT pk_findings PRIMARY KEY (id)
);
CREATE TABLE functions (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	ward VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	phone VARCHAR(32),
	position INTEGER NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_functions PRIMARY KEY (site_id, id),
	CONSTRAINT fk_functions_site_id_ward_wards FOREIGN KEY(site_id, ward) REFERENCES wards (site_id, id)
);
INSERT INTO "functions" VALUES('solbakken','natt-1','nord','Natt-1','+4798888880',0,1,0);
INSERT INTO "functions" VALUES('solbakken','natt-2','nord','Natt-2','+4798888881',1,1,0);
INSERT INTO "functions" VALUES('solbakken','leder','nord','Leder','+4798888882',2,1,0);
CREATE TABLE gateways (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	home VARCHAR(64),
	address VARCHAR(200) NOT NULL,
	interval_ms BIGINT,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_gateways PRIMARY KEY (site_id, id),
	CONSTRAINT fk_gateways_site_id_home_homes FOREIGN KEY(site_id, home) REFERENCES homes (site_id, id),
	CONSTRAINT uq_gateways_site_id_address UNIQUE (site_id, address)
);
CREATE TABLE gateways_down (
	site_id VARCHAR(64) NOT NULL,
	home_id VARCHAR(300) NOT NULL,
	gateway_id VARCHAR(64) NOT NULL,
	ward_id VARCHAR(64) NOT NULL,
	since_ms BIGINT NOT NULL,
	back_ms BIGINT,
	outage_id VARCHAR(64),
	CONSTRAINT pk_gateways_down PRIMARY KEY (site_id, home_id, gateway_id, since_ms)
);
INSERT INTO "gateways_down" VALUES('solbakken','h2','g2','nord',1772329561000,NULL,NULL);
CREATE TABLE handovers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	site_id VARCHAR(64) NOT NULL,
	ward_id VARCHAR(64),
	from_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	content JSON NOT NULL,
	accepted_by VARCHAR(64) NOT NULL,
	accepted_name VARCHAR(200) NOT NULL,
	accepted_ms BIGINT NOT NULL
);
CREATE TABLE homes (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	ward VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_homes PRIMARY KEY (site_id, id),
	CONSTRAINT fk_homes_site_id_ward_wards FOREIGN KEY(site_id, ward) REFERENCES wards (site_id, id)
);
INSERT INTO "homes" VALUES('solbakken','h1','nord','own_home',1,0);
INSERT INTO "homes" VALUES('solbakken','h2','nord','own_home',1,0);
CREATE TABLE idempotency (
	"key" VARCHAR(200) NOT NULL,
	request VARCHAR(64) NOT NULL,
	answer TEXT NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_idempotency PRIMARY KEY ("key")
);
INSERT INTO "idempotency" VALUES('key-0','e2d615fe4d1e9f36f75f8b2d96decd333d49fbf9f8c511265be18c5315601c44','{"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583","rule":"R01","rule_version":"v1","code":"3","priority":"P1","site_id":"solbakken","home_id":"h2","ward_id":"nord","subject_id":"r2","resident_id":"r2","device_id":"d2","incident_id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","merged_into":null,"continued_by":null,"condition":"momentary","handling":"claimed","opened_at":"2026-03-01T01:30:00Z","cleared_at":null,"closed_at":null,"late_seconds":0,"test":false,"alarm":true,"staff_alarm":false,"trigger":"vardevakt:gw-2/pendant|pendant","causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"parameters":{},"suppressed":[],"reason":"pressed","reason_args":{"trigger":"pendant"},"due_at":null,"presses":1,"priority_raised_from":null,"outcome":null,"cause_code":null,"action_code":null,"contact_code":null,"claimed_by":{"staff":"s1","name":"Ola","since":"2026-03-01T01:31:00Z","claimed_at":"2026-03-01T01:31:00Z","function":"natt-1"},"next_step":{"at":"2026-03-01T01:34:00Z","what":"ask","target":"Ola","targets":[],"ringing":[],"held_back":null},"two":null,"owner":null,"search":null,"incident":{"id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","alert_ids":["a918815f-5246-5dce-9a0a-1976fb04a583"],"open":1},"timeline":[{"id":1,"at":"2026-03-01T01:30:00Z","kind":"raised","actor":null,"text_code":"floor","args":{},"vkp":0,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":2,"at":"2026-03-01T01:30:00Z","kind":"rang","actor":null,"text_code":"rang","args":{"step":0,"targets":["Natt-1"]},"vkp":null,"alert_id":null},{"id":3,"at":"2026-03-01T01:30:00Z","kind":"named","actor":null,"text_code":"pressed","args":{"rule":"R01"},"vkp":null,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":4,"at":"2026-03-01T01:31:00Z","kind":"claimed","actor":{"staff":"s1","name":"Ola"},"text_code":"claimed","args":{},"vkp":1,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"}],"cards":[],"responders":[],"why":{"code":"pressed","args":{"trigger":"pendant"},"parameters":{},"causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"suppressed":[],"rule":"R01","rule_version":"v1","source":"rules"}}',1772328660000);
INSERT INTO "idempotency" VALUES('key-1','151c153360a7ed17109f7f5823d870cb8f0f179da19f721f35d4c9846835f8d5','{"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583","rule":"R01","rule_version":"v1","code":"3","priority":"P1","site_id":"solbakken","home_id":"h2","ward_id":"nord","subject_id":"r2","resident_id":"r2","device_id":"d2","incident_id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","merged_into":null,"continued_by":null,"condition":"momentary","handling":"on_site","opened_at":"2026-03-01T01:30:00Z","cleared_at":null,"closed_at":null,"late_seconds":0,"test":false,"alarm":true,"staff_alarm":false,"trigger":"vardevakt:gw-2/pendant|pendant","causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"parameters":{},"suppressed":[],"reason":"pressed","reason_args":{"trigger":"pendant"},"due_at":null,"presses":1,"priority_raised_from":null,"outcome":null,"cause_code":null,"action_code":null,"contact_code":null,"claimed_by":{"staff":"s1","name":"Ola","since":"2026-03-01T01:32:00Z","claimed_at":"2026-03-01T01:31:00Z","function":"natt-1"},"next_step":{"at":"2026-03-01T02:32:00Z","what":"ask","target":"Ola","targets":[],"ringing":[],"held_back":null},"two":null,"owner":null,"search":null,"incident":{"id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","alert_ids":["a918815f-5246-5dce-9a0a-1976fb04a583"],"open":1},"timeline":[{"id":1,"at":"2026-03-01T01:30:00Z","kind":"raised","actor":null,"text_code":"floor","args":{},"vkp":0,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":2,"at":"2026-03-01T01:30:00Z","kind":"rang","actor":null,"text_code":"rang","args":{"step":0,"targets":["Natt-1"]},"vkp":null,"alert_id":null},{"id":3,"at":"2026-03-01T01:30:00Z","kind":"named","actor":null,"text_code":"pressed","args":{"rule":"R01"},"vkp":null,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":4,"at":"2026-03-01T01:31:00Z","kind":"claimed","actor":{"staff":"s1","name":"Ola"},"text_code":"claimed","args":{},"vkp":1,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":5,"at":"2026-03-01T01:32:00Z","kind":"on_site","actor":{"staff":"s1","name":"Ola"},"text_code":"on_site","args":{},"vkp":null,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"}],"cards":[],"responders":[],"why":{"code":"pressed","args":{"trigger":"pendant"},"parameters":{},"causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"suppressed":[],"rule":"R01","rule_version":"v1","source":"rules"}}',1772328720000);
INSERT INTO "idempotency" VALUES('key-2','43374698404821628d8a4a042e607ecc3c270cd645944abfa381b5b2f6ccd48e','{"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583","rule":"R01","rule_version":"v1","code":"3","priority":"P1","site_id":"solbakken","home_id":"h2","ward_id":"nord","subject_id":"r2","resident_id":"r2","device_id":"d2","incident_id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","merged_into":null,"continued_by":null,"condition":"momentary","handling":"ended","opened_at":"2026-03-01T01:30:00Z","cleared_at":null,"closed_at":"2026-03-01T01:42:00Z","late_seconds":0,"test":false,"alarm":true,"staff_alarm":false,"trigger":"vardevakt:gw-2/pendant|pendant","causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"parameters":{},"suppressed":[],"reason":"pressed","reason_args":{"trigger":"pendant"},"due_at":null,"presses":1,"priority_raised_from":null,"outcome":"handled","cause_code":null,"action_code":null,"contact_code":null,"claimed_by":null,"next_step":null,"two":null,"owner":null,"search":null,"incident":{"id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","alert_ids":["a918815f-5246-5dce-9a0a-1976fb04a583"],"open":0},"timeline":[{"id":1,"at":"2026-03-01T01:30:00Z","kind":"raised","actor":null,"text_code":"floor","args":{},"vkp":0,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":2,"at":"2026-03-01T01:30:00Z","kind":"rang","actor":null,"text_code":"rang","args":{"step":0,"targets":["Natt-1"]},"vkp":null,"alert_id":null},{"id":3,"at":"2026-03-01T01:30:00Z","kind":"named","actor":null,"text_code":"pressed","args":{"rule":"R01"},"vkp":null,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":4,"at":"2026-03-01T01:31:00Z","kind":"claimed","actor":{"staff":"s1","name":"Ola"},"text_code":"claimed","args":{},"vkp":1,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":5,"at":"2026-03-01T01:32:00Z","kind":"on_site","actor":{"staff":"s1","name":"Ola"},"text_code":"on_site","args":{},"vkp":null,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":6,"at":"2026-03-01T01:42:00Z","kind":"ended","actor":{"staff":"s1","name":"Ola"},"text_code":"ended","args":{},"vkp":3,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"}],"cards":[],"responders":[],"why":{"code":"pressed","args":{"trigger":"pendant"},"parameters":{},"causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"suppressed":[],"rule":"R01","rule_version":"v1","source":"rules"}}',1772329320000);
INSERT INTO "idempotency" VALUES('key-3','b93de6d6c32c86336d205b510f4b6fd067b87aa73be72c76b44982be8994612f','{"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583","rule":"R01","rule_version":"v1","code":"3","priority":"P1","site_id":"solbakken","home_id":"h2","ward_id":"nord","subject_id":"r2","resident_id":"r2","device_id":"d2","incident_id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","merged_into":null,"continued_by":null,"condition":"momentary","handling":"documented","opened_at":"2026-03-01T01:30:00Z","cleared_at":null,"closed_at":"2026-03-01T01:42:00Z","late_seconds":0,"test":false,"alarm":true,"staff_alarm":false,"trigger":"vardevakt:gw-2/pendant|pendant","causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"parameters":{},"suppressed":[],"reason":"pressed","reason_args":{"trigger":"pendant"},"due_at":null,"presses":1,"priority_raised_from":null,"outcome":"handled","cause_code":"toilet","action_code":"visit","contact_code":"on_site","claimed_by":null,"next_step":null,"two":null,"owner":null,"search":null,"incident":{"id":"3fdd9299-ac7c-576b-8cde-f471a46fa943","alert_ids":["a918815f-5246-5dce-9a0a-1976fb04a583"],"open":0},"timeline":[{"id":1,"at":"2026-03-01T01:30:00Z","kind":"raised","actor":null,"text_code":"floor","args":{},"vkp":0,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":2,"at":"2026-03-01T01:30:00Z","kind":"rang","actor":null,"text_code":"rang","args":{"step":0,"targets":["Natt-1"]},"vkp":null,"alert_id":null},{"id":3,"at":"2026-03-01T01:30:00Z","kind":"named","actor":null,"text_code":"pressed","args":{"rule":"R01"},"vkp":null,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":4,"at":"2026-03-01T01:31:00Z","kind":"claimed","actor":{"staff":"s1","name":"Ola"},"text_code":"claimed","args":{},"vkp":1,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":5,"at":"2026-03-01T01:32:00Z","kind":"on_site","actor":{"staff":"s1","name":"Ola"},"text_code":"on_site","args":{},"vkp":null,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":6,"at":"2026-03-01T01:42:00Z","kind":"ended","actor":{"staff":"s1","name":"Ola"},"text_code":"ended","args":{},"vkp":3,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":7,"at":"2026-03-01T01:42:00Z","kind":"cause","actor":{"staff":"s1","name":"Ola"},"text_code":"cause","args":{"cause_code":"toilet"},"vkp":6,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"},{"id":8,"at":"2026-03-01T01:42:00Z","kind":"documented","actor":{"staff":"s1","name":"Ola"},"text_code":"documented","args":{"cause_code":"toilet","action_code":"visit","contact_code":"on_site"},"vkp":7,"alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583"}],"cards":[],"responders":[],"why":{"code":"pressed","args":{"trigger":"pendant"},"parameters":{},"causes":[{"event_id":"p0","type":"alarm.pressed","observed_at":null,"received_at":"2026-03-01T01:30:00Z","effective_at":"2026-03-01T01:30:00Z","device_id":null,"quality":[],"content":{}}],"suppressed":[],"rule":"R01","rule_version":"v1","source":"rules"}}',1772329320000);
INSERT INTO "idempotency" VALUES('key-4','5dfa975e822ecaa3bb17d3a9143e26dca1f15afe4ea114161d0301695901d2c7','{"alert_id":"a501caff-023a-556f-a99c-e3c64a534b09","rule":"R05","rule_version":"v1","code":"4.7","priority":"P2","site_id":"solbakken","home_id":"h2","ward_id":"nord","subject_id":"r2","resident_id":"r2","device_id":"d2","incident_id":"58648408-3272-5976-b22c-fad9a93fa828","merged_into":null,"continued_by":null,"condition":"active","handling":"claimed","opened_at":"2026-03-01T01:43:00Z","cleared_at":null,"closed_at":null,"late_seconds":0,"test":false,"alarm":false,"staff_alarm":false,"trigger":null,"causes":[{"event_id":"left-e1","type":"bed.left","observed_at":null,"received_at":"2026-03-01T01:23:00Z","effective_at":"2026-03-01T01:23:00Z","device_id":null,"quality":[],"content":{}}],"parameters":{},"suppressed":[],"reason":"out_of_bed","reason_args":{"minutes":20},"due_at":null,"presses":0,"priority_raised_from":null,"outcome":null,"cause_code":null,"action_code":null,"contact_code":null,"claimed_by":{"staff":"s2","name":"Ida","since":"2026-03-01T01:44:00Z","claimed_at":"2026-03-01T01:44:00Z","function":"natt-2"},"next_step":{"at":"2026-03-01T01:54:00Z","what":"ask","target":"Ida","targets":[],"ringing":[],"held_back":null},"two":null,"owner":null,"search":null,"incident":{"id":"58648408-3272-5976-b22c-fad9a93fa828","alert_ids":["a501caff-023a-556f-a99c-e3c64a534b09"],"open":1},"timeline":[{"id":13,"at":"2026-03-01T01:43:00Z","kind":"raised","actor":null,"text_code":"out_of_bed","args":{"minutes":20},"vkp":0,"alert_id":"a501caff-023a-556f-a99c-e3c64a534b09"},{"id":14,"at":"2026-03-01T01:43:00Z","kind":"rang","actor":null,"text_code":"rang","args":{"step":0,"targets":["Natt-1"]},"vkp":null,"alert_id":null},{"id":15,"at":"2026-03-01T01:44:00Z","kind":"claimed","actor":{"staff":"s2","name":"Ida"},"text_code":"claimed","args":{},"vkp":1,"alert_id":"a501caff-023a-556f-a99c-e3c64a534b09"}],"cards":[],"responders":[],"why":{"code":"out_of_bed","args":{"minutes":20},"parameters":{},"causes":[{"event_id":"left-e1","type":"bed.left","observed_at":null,"received_at":"2026-03-01T01:23:00Z","effective_at":"2026-03-01T01:23:00Z","device_id":null,"quality":[],"content":{}}],"suppressed":[],"rule":"R05","rule_version":"v1","source":"rules"}}',1772329440000);
CREATE TABLE incidents (
	incident_id VARCHAR(64) NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	"key" VARCHAR(300) NOT NULL,
	home_id VARCHAR(300) NOT NULL,
	ward_id VARCHAR(64),
	subject_id VARCHAR(300) NOT NULL,
	open BOOLEAN NOT NULL,
	priority VARCHAR(2) NOT NULL,
	alarm BOOLEAN NOT NULL,
	staff_alarm BOOLEAN NOT NULL,
	handling VARCHAR(16) NOT NULL,
	opened_ms BIGINT NOT NULL,
	ended_ms BIGINT,
	claimed_by VARCHAR(64),
	claimed_name VARCHAR(200),
	claimed_function VARCHAR(64),
	claimed_ms BIGINT,
	handed_to VARCHAR(64),
	contact_ms BIGINT,
	on_site_ms BIGINT,
	last_alarm_ms BIGINT,
	step INTEGER NOT NULL,
	snapshot JSON NOT NULL, handling_ms BIGINT, owner VARCHAR(64), received_ms BIGINT, second_by VARCHAR(64), second_name VARCHAR(200), second_function VARCHAR(64), second_on_site_ms BIGINT, no_voice_ms BIGINT, search_from_ms BIGINT, search_until_ms BIGINT, quiet JSON, quiet_until_ms BIGINT,
	CONSTRAINT pk_incidents PRIMARY KEY (incident_id)
);
INSERT INTO "incidents" VALUES('3fdd9299-ac7c-576b-8cde-f471a46fa943','solbakken','resident:r2','h2','nord','r2',0,'P1',1,0,'documented',1772328600000,1772329320000,'s1','Ola','natt-1',1772328660000,NULL,NULL,1772328720000,1772328600000,0,'{"profile": "on_foot", "priority": "P1", "mode": "ring", "base_ms": 1772328600000, "repeat_ms": 120000, "steps": [{"after_ms": 0, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}]}, {"after_ms": 90000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}]}, {"after_ms": 180000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}]}, {"after_ms": 300000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}, {"kind": "fallback", "id": "fallback", "name": "fallback", "reachable": true}]}], "functions": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}], "arrival_goal_ms": 2400000, "timezone": "Europe/Oslo", "key_tag": null, "policy": "", "two": false, "owner": ""}',1772329320000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "incidents" VALUES('24774d55-9b9e-55ae-88bf-f9529863980b','solbakken','resident:r1','h1','nord','r1',0,'P2',0,0,'new',1772329320000,1772329380000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,'{"profile": "on_foot", "priority": "P2", "mode": "ring", "base_ms": 1772329320000, "repeat_ms": 600000, "steps": [{"after_ms": 0, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}]}, {"after_ms": 300000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}]}, {"after_ms": 900000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}, {"kind": "fallback", "id": "fallback", "name": "fallback", "reachable": true}]}], "functions": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}], "arrival_goal_ms": 2400000, "timezone": "Europe/Oslo", "key_tag": null, "policy": "", "two": false, "owner": ""}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "incidents" VALUES('58648408-3272-5976-b22c-fad9a93fa828','solbakken','resident:r2','h2','nord','r2',1,'P2',0,0,'claimed',1772329380000,NULL,'s2','Ida','natt-2',1772329440000,NULL,NULL,NULL,NULL,0,'{"profile": "on_foot", "priority": "P2", "mode": "ring", "base_ms": 1772329380000, "repeat_ms": 600000, "steps": [{"after_ms": 0, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}]}, {"after_ms": 300000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}]}, {"after_ms": 900000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}, {"kind": "fallback", "id": "fallback", "name": "fallback", "reachable": true}]}], "functions": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}], "arrival_goal_ms": 2400000, "timezone": "Europe/Oslo", "key_tag": null, "policy": "", "two": false, "owner": ""}',1772329440000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "incidents" VALUES('9124a2e7-ae0a-5c20-abb5-d8352e7b60da','solbakken','resident:r1','h1','nord','r1',1,'P1',1,0,'new',1772329470000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1772329561000,1,'{"profile": "on_foot", "priority": "P1", "mode": "ring", "base_ms": 1772329470000, "repeat_ms": 120000, "steps": [{"after_ms": 0, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}]}, {"after_ms": 90000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}]}, {"after_ms": 180000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}]}, {"after_ms": 300000, "targets": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}, {"kind": "fallback", "id": "fallback", "name": "fallback", "reachable": true}]}], "functions": [{"kind": "function", "id": "natt-1", "name": "Natt-1", "reachable": true}, {"kind": "function", "id": "natt-2", "name": "Natt-2", "reachable": true}, {"kind": "function", "id": "leder", "name": "Leder", "reachable": true}], "arrival_goal_ms": 2400000, "timezone": "Europe/Oslo", "key_tag": null, "policy": "", "two": false, "owner": ""}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE keys (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	home VARCHAR(64) NOT NULL,
	kind VARCHAR(200) NOT NULL,
	"where" VARCHAR(200),
	tag VARCHAR(200),
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_keys PRIMARY KEY (site_id, id),
	CONSTRAINT fk_keys_site_id_home_homes FOREIGN KEY(site_id, home) REFERENCES homes (site_id, id)
);
CREATE TABLE leases (
	name VARCHAR(64) NOT NULL,
	holder VARCHAR(64) NOT NULL,
	until_ms BIGINT NOT NULL,
	done_ms BIGINT NOT NULL,
	CONSTRAINT pk_leases PRIMARY KEY (name)
);
CREATE TABLE login_attempts (
	id INTEGER NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	login VARCHAR(64) NOT NULL,
	source VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_login_attempts PRIMARY KEY (id)
);
CREATE TABLE machine_keys (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	token_hash VARCHAR(64) NOT NULL,
	label VARCHAR(200) NOT NULL,
	roles JSON NOT NULL,
	created_ms BIGINT NOT NULL,
	created_by VARCHAR(64),
	revoked_ms BIGINT,
	CONSTRAINT pk_machine_keys PRIMARY KEY (site_id, id),
	CONSTRAINT uq_machine_keys_site_id_token_hash UNIQUE (site_id, token_hash)
);
INSERT INTO "machine_keys" VALUES('solbakken','be45c03469aa','be45c03469aa98d61d4ccb7e493ea6fc4d9dcaeedbc0d1e4127b44d3f4ed5106','bro','["carer"]',1772328600000,NULL,NULL);
CREATE TABLE measures (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	resident VARCHAR(64) NOT NULL,
	service VARCHAR(200) NOT NULL,
	decision VARCHAR(200),
	basis VARCHAR(200),
	from_date VARCHAR(10) NOT NULL,
	until_date VARCHAR(10),
	review_date VARCHAR(10),
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_measures PRIMARY KEY (site_id, id),
	CONSTRAINT fk_measures_site_id_resident_residents FOREIGN KEY(site_id, resident) REFERENCES residents (site_id, id)
);
CREATE TABLE moments (
	incident_id VARCHAR(64) NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	ward_id VARCHAR(64),
	priority VARCHAR(2) NOT NULL,
	rule VARCHAR(16) NOT NULL,
	subject_id VARCHAR(300) NOT NULL,
	opened_ms BIGINT NOT NULL,
	local_day INTEGER NOT NULL,
	local_hour INTEGER NOT NULL,
	told_s INTEGER,
	claimed_s INTEGER,
	arrived_s INTEGER,
	ended_s INTEGER,
	documented_s INTEGER,
	ending VARCHAR(64),
	CONSTRAINT pk_moments PRIMARY KEY (incident_id)
);
INSERT INTO "moments" VALUES('3fdd9299-ac7c-576b-8cde-f471a46fa943','solbakken','nord','P1','R43','r2',1772328600000,739676,2,0,60,120,720,720,'handled');
INSERT INTO "moments" VALUES('24774d55-9b9e-55ae-88bf-f9529863980b','solbakken','nord','P2','R05','r1',1772329320000,739676,2,0,NULL,NULL,60,NULL,'self_resolved');
INSERT INTO "moments" VALUES('58648408-3272-5976-b22c-fad9a93fa828','solbakken','nord','P2','R05','r2',1772329380000,739676,2,0,60,NULL,NULL,NULL,NULL);
INSERT INTO "moments" VALUES('9124a2e7-ae0a-5c20-abb5-d8352e7b60da','solbakken','nord','P1','R01','r1',1772329470000,739676,2,0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE observations (
	id INTEGER NOT NULL,
	home_id VARCHAR(300) NOT NULL,
	subject_id VARCHAR(300) NOT NULL,
	at_ms BIGINT NOT NULL,
	kind VARCHAR(64) NOT NULL,
	rule VARCHAR(16),
	reason JSON NOT NULL,
	causes JSON NOT NULL,
	CONSTRAINT pk_observations PRIMARY KEY (id)
);
INSERT INTO "observations" VALUES(1,'h1','r1',1772329470000,'not_watched',NULL,'{"code": "not_watched"}','[]');
INSERT INTO "observations" VALUES(2,'h2','r2',1772329561000,'not_watched',NULL,'{"code": "way.broken", "args": {"way": "g2"}}','[]');
CREATE TABLE outage_people (
	outage_id VARCHAR(64) NOT NULL,
	resident_id VARCHAR(64) NOT NULL,
	home_id VARCHAR(300) NOT NULL,
	critical BOOLEAN NOT NULL,
	since_ms BIGINT NOT NULL,
	back_ms BIGINT,
	outcome VARCHAR(64),
	ticked_ms BIGINT,
	ticked_by VARCHAR(64),
	ticked_name VARCHAR(200),
	CONSTRAINT pk_outage_people PRIMARY KEY (outage_id, resident_id)
);
CREATE TABLE outages (
	outage_id VARCHAR(64) NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	ward_id VARCHAR(64) NOT NULL,
	alert_id VARCHAR(64) NOT NULL,
	opened_ms BIGINT NOT NULL,
	homes_gone INTEGER NOT NULL,
	homes_most INTEGER NOT NULL,
	closed_ms BIGINT,
	CONSTRAINT pk_outages PRIMARY KEY (outage_id)
);
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	site_id VARCHAR(64) NOT NULL,
	incident_id VARCHAR(64) NOT NULL,
	alert_id VARCHAR(64) NOT NULL,
	priority VARCHAR(2) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	target_kind VARCHAR(16) NOT NULL,
	target VARCHAR(64) NOT NULL,
	target_name VARCHAR(200) NOT NULL,
	key_tag VARCHAR(200),
	step INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	created_ms BIGINT NOT NULL,
	due_ms BIGINT NOT NULL,
	done_ms BIGINT
, follow_up BOOLEAN DEFAULT 0 NOT NULL, only_channel VARCHAR(64), args JSON);
INSERT INTO "outbox" VALUES(1,'solbakken','3fdd9299-ac7c-576b-8cde-f471a46fa943','a918815f-5246-5dce-9a0a-1976fb04a583','P1','ring','function','natt-1','Natt-1',NULL,0,'sent',1772328600000,1772328600000,1772328600000,0,NULL,NULL);
INSERT INTO "outbox" VALUES(2,'solbakken','24774d55-9b9e-55ae-88bf-f9529863980b','40b8def1-4b6b-5be0-93a7-0717ab7b9995','P2','ring','function','natt-1','Natt-1',NULL,0,'sent',1772329320000,1772329320000,1772329320000,0,NULL,NULL);
INSERT INTO "outbox" VALUES(3,'solbakken','24774d55-9b9e-55ae-88bf-f9529863980b','40b8def1-4b6b-5be0-93a7-0717ab7b9995','P2','cleared','function','natt-1','Natt-1',NULL,0,'sent',1772329380000,1772329380000,1772329380000,1,NULL,NULL);
INSERT INTO "outbox" VALUES(4,'solbakken','58648408-3272-5976-b22c-fad9a93fa828','a501caff-023a-556f-a99c-e3c64a534b09','P2','ring','function','natt-1','Natt-1',NULL,0,'sent',1772329380000,1772329380000,1772329380000,0,NULL,NULL);
INSERT INTO "outbox" VALUES(5,'solbakken','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','aca56521-ccdf-50de-992a-3bfcfbb8b625','P1','ring','function','natt-1','Natt-1',NULL,0,'sent',1772329470000,1772329475000,1772329475000,0,NULL,NULL);
INSERT INTO "outbox" VALUES(6,'solbakken','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','aca56521-ccdf-50de-992a-3bfcfbb8b625','P1','ring','function','natt-1','Natt-1',NULL,1,'sent',1772329560000,1772329560000,1772329560000,1,NULL,NULL);
INSERT INTO "outbox" VALUES(7,'solbakken','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','aca56521-ccdf-50de-992a-3bfcfbb8b625','P1','ring','function','natt-2','Natt-2',NULL,1,'sent',1772329560000,1772329560000,1772329560000,1,NULL,NULL);
INSERT INTO "outbox" VALUES(8,'solbakken','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','aca56521-ccdf-50de-992a-3bfcfbb8b625','P1','ring','function','natt-1','Natt-1',NULL,0,'sent',1772329561000,1772329561000,1772329561000,1,NULL,NULL);
INSERT INTO "outbox" VALUES(9,'solbakken','58648408-3272-5976-b22c-fad9a93fa828','e2322d37-02a8-59b5-afda-3e360d07f33f','P2','again','function','natt-2','Natt-2',NULL,0,'sent',1772329561000,1772329561000,1772329561000,1,NULL,NULL);
CREATE TABLE outside_refusals (
	site_id VARCHAR(64) NOT NULL,
	channel VARCHAR(64) NOT NULL,
	reason VARCHAR(64) NOT NULL,
	minute_ms BIGINT NOT NULL,
	count INTEGER NOT NULL,
	CONSTRAINT pk_outside_refusals PRIMARY KEY (site_id, channel, reason, minute_ms)
);
CREATE TABLE pauses (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	resident VARCHAR(64) NOT NULL,
	rules JSON NOT NULL,
	from_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	reason VARCHAR(32) NOT NULL,
	note VARCHAR(200),
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_pauses PRIMARY KEY (site_id, id),
	CONSTRAINT fk_pauses_site_id_resident_residents FOREIGN KEY(site_id, resident) REFERENCES residents (site_id, id)
);
CREATE TABLE phone_answers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	site_id VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	via VARCHAR(16) NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	phone VARCHAR(32),
	target_kind VARCHAR(16),
	target VARCHAR(300),
	alert_id VARCHAR(64),
	message_id BIGINT,
	answer VARCHAR(16),
	outcome VARCHAR(64) NOT NULL
);
INSERT INTO "phone_answers" VALUES(1,'solbakken',1772329561000,'sms','sms:x1','+4798888880',NULL,NULL,NULL,NULL,'cannot','no_such');
CREATE TABLE phones (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	label VARCHAR(200) NOT NULL,
	function_id VARCHAR(64),
	token_hash VARCHAR(64) NOT NULL,
	limit_ms BIGINT NOT NULL,
	heard_ms BIGINT NOT NULL,
	silent BOOLEAN NOT NULL,
	created_ms BIGINT NOT NULL,
	created_by VARCHAR(64),
	revoked_ms BIGINT,
	CONSTRAINT pk_phones PRIMARY KEY (site_id, id),
	CONSTRAINT uq_phones_site_id_token_hash UNIQUE (site_id, token_hash)
);
INSERT INTO "phones" VALUES('solbakken','4184ed8d1377','phone of natt-1','natt-1','4184ed8d1377381fe14b36855dc0783bba96fca398ebe687a5f49fc3c425f6a4',300000,1772329561000,0,1772329561000,'test',NULL);
CREATE TABLE pins (
	site_id VARCHAR(64) NOT NULL,
	user_id VARCHAR(64) NOT NULL,
	pin_hash VARCHAR(200) NOT NULL,
	failures INTEGER NOT NULL,
	set_ms BIGINT NOT NULL,
	CONSTRAINT pk_pins PRIMARY KEY (site_id, user_id),
	CONSTRAINT fk_pins_site_id_user_id_users FOREIGN KEY(site_id, user_id) REFERENCES users (site_id, id)
);
INSERT INTO "pins" VALUES('solbakken','ola','$argon2id$v=19$m=19456,t=2,p=1$zTFdG4rwlLWBVT4tIqhIGw$AsP+/p9lDbETX+z+5m/bDloQRlIGTzyZWH6nPfwakSo',0,1772329561000);
CREATE TABLE plans (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	resident VARCHAR(64) NOT NULL,
	rule VARCHAR(8) NOT NULL,
	parameters JSON NOT NULL,
	from_date VARCHAR(10) NOT NULL,
	until_date VARCHAR(10),
	why VARCHAR(200),
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_plans PRIMARY KEY (site_id, id),
	CONSTRAINT fk_plans_site_id_resident_residents FOREIGN KEY(site_id, resident) REFERENCES residents (site_id, id)
);
CREATE TABLE policies (
	site_id VARCHAR(64) NOT NULL,
	policy_id VARCHAR(64) NOT NULL,
	ward VARCHAR(64),
	value JSON NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	saved_by VARCHAR(64),
	CONSTRAINT pk_policies PRIMARY KEY (site_id, policy_id)
);
INSERT INTO "policies" VALUES('solbakken','own',NULL,'{"id": "own", "rules": [], "codes": [], "priorities": [], "rings": "any_hour", "steps": [{"after": "0 s", "tell": ["1", "fallback"]}], "repeat": "1 min", "two": false, "owner": "us"}',1,1772329561000,'s9');
CREATE TABLE policy_versions (
	site_id VARCHAR(64) NOT NULL,
	policy_id VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	value JSON,
	saved_ms BIGINT NOT NULL,
	saved_by VARCHAR(64),
	CONSTRAINT pk_policy_versions PRIMARY KEY (site_id, policy_id, version)
);
INSERT INTO "policy_versions" VALUES('solbakken','own',1,'{"id": "own", "rules": [], "codes": [], "priorities": [], "rings": "any_hour", "steps": [{"after": "0 s", "tell": ["1", "fallback"]}], "repeat": "1 min", "two": false, "owner": "us"}',1772329561000,'s9');
CREATE TABLE protection (
	home_id VARCHAR(300) NOT NULL,
	subject_id VARCHAR(300) NOT NULL,
	rule VARCHAR(16) NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	since_ms BIGINT NOT NULL,
	reason JSON NOT NULL,
	CONSTRAINT pk_protection PRIMARY KEY (home_id, subject_id, rule)
);
INSERT INTO "protection" VALUES('h1','r1','','solbakken',1772329470000,'{"code": "not_watched"}');
INSERT INTO "protection" VALUES('h2','r2','','solbakken',1772329561000,'{"code": "way.broken", "args": {"way": "g2"}}');
CREATE TABLE push_subscriptions (
	id VARCHAR(64) NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	owner_kind VARCHAR(16) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	endpoint TEXT NOT NULL,
	p256dh VARCHAR(200) NOT NULL,
	auth VARCHAR(64) NOT NULL,
	created_by VARCHAR(64),
	created_ms BIGINT NOT NULL,
	CONSTRAINT pk_push_subscriptions PRIMARY KEY (id)
);
INSERT INTO "push_subscriptions" VALUES('81f82c72783f91c9bd241592beb5d0bb','solbakken','staff','s1','https://push.example/1','k','a','ola',1772329561000);
CREATE TABLE receipts (
	attempt_id BIGINT NOT NULL,
	kind VARCHAR(16) NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_receipts PRIMARY KEY (attempt_id, kind)
);
CREATE TABLE relay (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	site_id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	topic VARCHAR(200) NOT NULL,
	payload TEXT NOT NULL,
	created_ms BIGINT NOT NULL,
	relayed_ms BIGINT
);
INSERT INTO "relay" VALUES(1,'solbakken','staff','','{"actor":"s1","alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583","home":"h2","type":"staff.arrived"}',1772328720000,NULL);
INSERT INTO "relay" VALUES(2,'solbakken','staff','','{"actor":"s1","alert_id":"a918815f-5246-5dce-9a0a-1976fb04a583","home":"h2","type":"staff.left"}',1772329320000,NULL);
CREATE TABLE residents (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	home VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	born VARCHAR(10),
	phone VARCHAR(32),
	address VARCHAR(200),
	protected BOOLEAN NOT NULL,
	critical BOOLEAN NOT NULL,
	risks JSON NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_residents PRIMARY KEY (site_id, id),
	CONSTRAINT fk_residents_site_id_home_homes FOREIGN KEY(site_id, home) REFERENCES homes (site_id, id)
);
INSERT INTO "residents" VALUES('solbakken','r1','h1','Resident r1',NULL,NULL,NULL,0,1,'["fall"]',1,0);
INSERT INTO "residents" VALUES('solbakken','r2','h2','Resident r2',NULL,NULL,NULL,0,0,'["fall"]',1,0);
CREATE TABLE responder_answers (
	incident_id VARCHAR(64) NOT NULL,
	contact_id VARCHAR(64) NOT NULL,
	coming BOOLEAN NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_responder_answers PRIMARY KEY (incident_id, contact_id)
);
CREATE TABLE rota (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	function_id VARCHAR(64) NOT NULL,
	planned_staff_id VARCHAR(64) NOT NULL,
	staff_id VARCHAR(64) NOT NULL,
	from_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	agreed_by VARCHAR(64),
	saved_by VARCHAR(64),
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_rota PRIMARY KEY (site_id, id)
);
INSERT INTO "rota" VALUES('solbakken','s1-natt-1-1772325961000','natt-1','s1','s1',1772325961000,1772333161000,NULL,NULL,0);
CREATE TABLE sessions (
	site_id VARCHAR(64) NOT NULL,
	token_hash VARCHAR(64) NOT NULL,
	user_id VARCHAR(64) NOT NULL,
	created_ms BIGINT NOT NULL,
	seen_ms BIGINT NOT NULL,
	expires_ms BIGINT NOT NULL,
	revoked_ms BIGINT, phone_id VARCHAR(64),
	CONSTRAINT pk_sessions PRIMARY KEY (site_id, token_hash),
	CONSTRAINT fk_sessions_site_id_user_id_users FOREIGN KEY(site_id, user_id) REFERENCES users (site_id, id)
);
CREATE TABLE setting_versions (
	site_id VARCHAR(64) NOT NULL,
	setting_id VARCHAR(96) NOT NULL,
	version INTEGER NOT NULL,
	kind VARCHAR(16) NOT NULL,
	removed BOOLEAN NOT NULL,
	value JSON,
	actor VARCHAR(64),
	saved_ms BIGINT NOT NULL,
	in_force_ms BIGINT,
	CONSTRAINT pk_setting_versions PRIMARY KEY (site_id, setting_id, version)
);
CREATE TABLE shadow_alerts (
	seq INTEGER NOT NULL,
	version VARCHAR(64) NOT NULL,
	alert_id VARCHAR(64) NOT NULL,
	rule VARCHAR(16) NOT NULL,
	home_id VARCHAR(300) NOT NULL,
	subject_id VARCHAR(300) NOT NULL,
	at_ms BIGINT NOT NULL,
	priority VARCHAR(2) NOT NULL,
	code VARCHAR(16) NOT NULL,
	reason JSON NOT NULL,
	ended_ms BIGINT,
	ended VARCHAR(16) NOT NULL,
	CONSTRAINT pk_shadow_alerts PRIMARY KEY (seq),
	CONSTRAINT uq_shadow_alerts_version_alert_id UNIQUE (version, alert_id)
);
INSERT INTO "shadow_alerts" VALUES(1,'trial-1','shadow-1','R05','h1','r1',1772328600000,'P2','4.19','{"code": "dwell.too_long", "args": {"for_ms": 1500000}}',1772329320000,'cleared');
CREATE TABLE shifts (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	function_id VARCHAR(64) NOT NULL,
	staff_id VARCHAR(64) NOT NULL,
	phone_id VARCHAR(64),
	since_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	ended_ms BIGINT,
	end_reason VARCHAR(64),
	CONSTRAINT pk_shifts PRIMARY KEY (site_id, id)
);
INSERT INTO "shifts" VALUES('solbakken','2f5241a7-84be-4fd4-bb30-132ebdb055f0','natt-1','s1','4184ed8d1377',1772329561000,1772333161000,NULL,NULL);
CREATE TABLE silences (
	silence_id VARCHAR(64) NOT NULL,
	site_id VARCHAR(64) NOT NULL,
	ward VARCHAR(64),
	home VARCHAR(300),
	resident VARCHAR(64),
	device VARCHAR(64),
	rule VARCHAR(16),
	from_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	reason VARCHAR(500) NOT NULL,
	author VARCHAR(64) NOT NULL,
	author_name VARCHAR(200) NOT NULL,
	created_ms BIGINT NOT NULL,
	ended_ms BIGINT,
	ended_by VARCHAR(64),
	CONSTRAINT pk_silences PRIMARY KEY (silence_id)
);
CREATE TABLE sites (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	timezone VARCHAR(64) NOT NULL,
	language VARCHAR(8) NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_sites PRIMARY KEY (site_id, id)
);
INSERT INTO "sites" VALUES('solbakken','solbakken','Solbakken','Europe/Oslo','nb',1,0);
CREATE TABLE staff (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	email VARCHAR(200),
	functions JSON NOT NULL,
	role VARCHAR(16) NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL, until_date VARCHAR(10),
	CONSTRAINT pk_staff PRIMARY KEY (site_id, id)
);
INSERT INTO "staff" VALUES('solbakken','s1','Ola',NULL,'["natt-1"]','carer',1,0,NULL);
INSERT INTO "staff" VALUES('solbakken','s2','Ida',NULL,'["natt-2"]','carer',1,0,NULL);
CREATE TABLE test_sessions (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	device VARCHAR(64) NOT NULL,
	staff VARCHAR(64) NOT NULL,
	from_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_test_sessions PRIMARY KEY (site_id, id),
	CONSTRAINT fk_test_sessions_site_id_device_devices FOREIGN KEY(site_id, device) REFERENCES devices (site_id, id)
);
CREATE TABLE timeline (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	alert_id VARCHAR(64),
	incident_id VARCHAR(64),
	subject_id VARCHAR(300) NOT NULL,
	at_ms BIGINT NOT NULL,
	kind VARCHAR(64) NOT NULL,
	actor VARCHAR(64),
	actor_name VARCHAR(200),
	text_code VARCHAR(64) NOT NULL,
	args JSON NOT NULL,
	vkp INTEGER
);
INSERT INTO "timeline" VALUES(1,'a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772328600000,'raised',NULL,NULL,'floor','{}',0);
INSERT INTO "timeline" VALUES(2,NULL,'3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772328600000,'rang',NULL,NULL,'rang','{"step": 0, "targets": ["Natt-1"]}',NULL);
INSERT INTO "timeline" VALUES(3,'a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772328600000,'named',NULL,NULL,'pressed','{"rule": "R01"}',NULL);
INSERT INTO "timeline" VALUES(4,'a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772328660000,'claimed','s1','Ola','claimed','{}',1);
INSERT INTO "timeline" VALUES(5,'a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772328720000,'on_site','s1','Ola','on_site','{}',NULL);
INSERT INTO "timeline" VALUES(6,'a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772329320000,'ended','s1','Ola','ended','{}',3);
INSERT INTO "timeline" VALUES(7,'a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772329320000,'cause','s1','Ola','cause','{"cause_code": "toilet"}',6);
INSERT INTO "timeline" VALUES(8,'a918815f-5246-5dce-9a0a-1976fb04a583','3fdd9299-ac7c-576b-8cde-f471a46fa943','r2',1772329320000,'documented','s1','Ola','documented','{"cause_code": "toilet", "action_code": "visit", "contact_code": "on_site"}',7);
INSERT INTO "timeline" VALUES(9,'40b8def1-4b6b-5be0-93a7-0717ab7b9995','24774d55-9b9e-55ae-88bf-f9529863980b','r1',1772329320000,'raised',NULL,NULL,'out_of_bed','{"minutes": 20}',0);
INSERT INTO "timeline" VALUES(10,NULL,'24774d55-9b9e-55ae-88bf-f9529863980b','r1',1772329320000,'rang',NULL,NULL,'rang','{"step": 0, "targets": ["Natt-1"]}',NULL);
INSERT INTO "timeline" VALUES(11,'40b8def1-4b6b-5be0-93a7-0717ab7b9995','24774d55-9b9e-55ae-88bf-f9529863980b','r1',1772329380000,'cleared',NULL,NULL,'back_in_bed','{}',NULL);
INSERT INTO "timeline" VALUES(12,'40b8def1-4b6b-5be0-93a7-0717ab7b9995','24774d55-9b9e-55ae-88bf-f9529863980b','r1',1772329380000,'self_resolved',NULL,NULL,'self_resolved','{}',NULL);
INSERT INTO "timeline" VALUES(13,'a501caff-023a-556f-a99c-e3c64a534b09','58648408-3272-5976-b22c-fad9a93fa828','r2',1772329380000,'raised',NULL,NULL,'out_of_bed','{"minutes": 20}',0);
INSERT INTO "timeline" VALUES(14,NULL,'58648408-3272-5976-b22c-fad9a93fa828','r2',1772329380000,'rang',NULL,NULL,'rang','{"step": 0, "targets": ["Natt-1"]}',NULL);
INSERT INTO "timeline" VALUES(15,'a501caff-023a-556f-a99c-e3c64a534b09','58648408-3272-5976-b22c-fad9a93fa828','r2',1772329440000,'claimed','s2','Ida','claimed','{}',1);
INSERT INTO "timeline" VALUES(16,'aca56521-ccdf-50de-992a-3bfcfbb8b625','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','r1',1772329470000,'raised',NULL,NULL,'pressed','{"trigger": "pendant"}',0);
INSERT INTO "timeline" VALUES(17,NULL,'9124a2e7-ae0a-5c20-abb5-d8352e7b60da','r1',1772329470000,'rang',NULL,NULL,'rang','{"step": 0, "targets": ["Natt-1"]}',NULL);
INSERT INTO "timeline" VALUES(18,NULL,'9124a2e7-ae0a-5c20-abb5-d8352e7b60da','r1',1772329560000,'rang',NULL,NULL,'rang','{"step": 1, "targets": ["Natt-1", "Natt-2"]}',NULL);
INSERT INTO "timeline" VALUES(19,'aca56521-ccdf-50de-992a-3bfcfbb8b625','9124a2e7-ae0a-5c20-abb5-d8352e7b60da','r1',1772329561000,'pressed_again',NULL,NULL,'pressed_again','{"presses": 2}',NULL);
INSERT INTO "timeline" VALUES(20,NULL,'9124a2e7-ae0a-5c20-abb5-d8352e7b60da','r1',1772329561000,'rang_at_check_in',NULL,NULL,'rang_at_check_in','{"targets": ["Natt-1"]}',NULL);
INSERT INTO "timeline" VALUES(21,'e2322d37-02a8-59b5-afda-3e360d07f33f','58648408-3272-5976-b22c-fad9a93fa828','r2',1772329561000,'joined',NULL,NULL,'dwell.too_long','{}',0);
CREATE TABLE timers (
	incident_id VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	alert_id VARCHAR(64) NOT NULL,
	due_ms BIGINT NOT NULL,
	step INTEGER NOT NULL,
	CONSTRAINT pk_timers PRIMARY KEY (incident_id, kind, alert_id)
);
INSERT INTO "timers" VALUES('58648408-3272-5976-b22c-fad9a93fa828','ask','',1772330040000,0);
INSERT INTO "timers" VALUES('9124a2e7-ae0a-5c20-abb5-d8352e7b60da','escalate','',1772329650000,2);
CREATE TABLE untested_lists (
	site_id VARCHAR(64) NOT NULL,
	ward_id VARCHAR(64) NOT NULL,
	due_ms BIGINT NOT NULL,
	CONSTRAINT pk_untested_lists PRIMARY KEY (site_id, ward_id)
);
CREATE TABLE users (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	staff_id VARCHAR(64),
	name VARCHAR(200) NOT NULL,
	password_hash VARCHAR(200) NOT NULL,
	roles JSON NOT NULL,
	wards JSON,
	language VARCHAR(8) NOT NULL,
	created_ms BIGINT NOT NULL,
	disabled_ms BIGINT,
	CONSTRAINT pk_users PRIMARY KEY (site_id, id)
);
INSERT INTO "users" VALUES('solbakken','ola','s1','Ola','$argon2id$v=19$m=19456,t=2,p=1$/RGAc/OxLtUDifSDYecwCg$WUEC6s7WjIwMoBlmNe7YmQG6mklmyNgNS/PBhSzOUUA','["carer"]',NULL,'nb',1772328600000,NULL);
CREATE TABLE wards (
	site_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	arrival_goal_ms BIGINT,
	profile VARCHAR(16) NOT NULL,
	version INTEGER NOT NULL,
	saved_ms BIGINT NOT NULL,
	CONSTRAINT pk_wards PRIMARY KEY (site_id, id)
);
INSERT INTO "wards" VALUES('solbakken','nord','Nord',NULL,'on_foot',1,0);
CREATE INDEX ix_alerts_device_test ON alerts (device_id, opened_ms) WHERE test = 1;
CREATE INDEX ix_alerts_incident_id ON alerts (incident_id);
CREATE INDEX ix_alerts_open ON alerts (opened_ms, alert_id) WHERE open = 1;
CREATE INDEX ix_alerts_open_trigger ON alerts (subject_id, "trigger") WHERE open = 1 AND alarm = 1;
CREATE INDEX ix_alerts_opened_ms_alert_id ON alerts (opened_ms, alert_id);
CREATE INDEX ix_alerts_subject_id_opened_ms ON alerts (subject_id, opened_ms);
CREATE INDEX ix_alerts_ward_id_opened_ms ON alerts (ward_id, opened_ms);
CREATE INDEX ix_attempts_message_id ON attempts (message_id);
CREATE INDEX ix_attempts_unfinished ON attempts (started_ms) WHERE result IS NULL;
CREATE INDEX ix_causes_event_id ON causes (event_id);
CREATE INDEX ix_effects_at_ms ON effects (at_ms);
CREATE INDEX ix_findings_at_ms ON findings (at_ms);
CREATE INDEX ix_idempotency_at_ms ON idempotency (at_ms);
CREATE INDEX ix_incidents_open ON incidents (priority, opened_ms) WHERE open = 1;
CREATE UNIQUE INDEX uq_incidents_open_key ON incidents (site_id, "key") WHERE open = 1;
CREATE INDEX ix_observations_at_ms ON observations (at_ms);
CREATE INDEX ix_observations_subject_id_at_ms ON observations (subject_id, at_ms);
CREATE INDEX ix_outbox_created_ms ON outbox (created_ms);
CREATE INDEX ix_outbox_incident_id ON outbox (incident_id);
CREATE INDEX ix_timeline_alert_id_id ON timeline (alert_id, id);
CREATE INDEX ix_timeline_incident_id_id ON timeline (incident_id, id);
CREATE INDEX ix_timeline_subject_id_at_ms ON timeline (subject_id, at_ms);
CREATE INDEX ix_timers_due_ms ON timers (due_ms);
CREATE INDEX ix_access_log_site_id_resident_id ON access_log (site_id, resident, id);
CREATE INDEX ix_login_attempts_site_id_login_at_ms ON login_attempts (site_id, login, at_ms);
CREATE INDEX ix_login_attempts_site_id_source_at_ms ON login_attempts (site_id, source, at_ms);
CREATE INDEX ix_relay_pending ON relay (id) WHERE relayed_ms IS NULL;
CREATE INDEX ix_functions_site_id_ward ON functions (site_id, ward);
CREATE INDEX ix_homes_site_id_ward ON homes (site_id, ward);
CREATE INDEX ix_sessions_site_id_user_id ON sessions (site_id, user_id);
CREATE INDEX ix_keys_site_id_home ON keys (site_id, home);
CREATE INDEX ix_residents_site_id_home ON residents (site_id, home);
CREATE INDEX ix_contacts_site_id_resident ON contacts (site_id, resident);
CREATE INDEX ix_devices_site_id_home ON devices (site_id, home);
CREATE INDEX ix_devices_site_id_resident ON devices (site_id, resident);
CREATE INDEX ix_measures_site_id_resident ON measures (site_id, resident);
CREATE INDEX ix_pauses_site_id_resident ON pauses (site_id, resident);
CREATE INDEX ix_plans_site_id_resident ON plans (site_id, resident);
CREATE INDEX ix_audit_site_id_id ON audit (site_id, id);
CREATE INDEX ix_rota_site_id_function_id_until_ms ON rota (site_id, function_id, until_ms);
CREATE INDEX ix_rota_site_id_until_ms ON rota (site_id, until_ms);
CREATE INDEX ix_shifts_site_id_function_id_since_ms ON shifts (site_id, function_id, since_ms);
CREATE UNIQUE INDEX uq_shifts_open_function ON shifts (site_id, function_id) WHERE ended_ms IS NULL;
CREATE INDEX ix_silences_site_id_until_ms ON silences (site_id, until_ms);
CREATE INDEX ix_outages_open ON outages (site_id, ward_id) WHERE closed_ms IS NULL;
CREATE INDEX ix_gateways_down_outage_id ON gateways_down (outage_id);
CREATE INDEX ix_gateways_down_now ON gateways_down (site_id, ward_id) WHERE back_ms IS NULL;
CREATE INDEX ix_outbox_waiting ON outbox (priority, follow_up, due_ms, id) WHERE state IN ('pending', 'sending');
CREATE INDEX ix_attempts_channel_started_ms ON attempts (channel, started_ms);
CREATE INDEX ix_attempts_provider ON attempts (channel, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX ix_push_subscriptions_site_id_owner_kind_owner ON push_subscriptions (site_id, owner_kind, owner);
CREATE INDEX ix_phone_answers_at_ms ON phone_answers (at_ms);
CREATE UNIQUE INDEX uq_phone_answers_key ON phone_answers (site_id, via, "key");
CREATE INDEX ix_outside_refusals_minute_ms ON outside_refusals (minute_ms);
CREATE INDEX ix_moments_site_id_opened_ms ON moments (site_id, opened_ms);
CREATE INDEX ix_moments_told_s ON moments (site_id, ward_id, priority, told_s, opened_ms);
CREATE INDEX ix_moments_claimed_s ON moments (site_id, ward_id, priority, claimed_s, opened_ms);
CREATE INDEX ix_moments_arrived_s ON moments (site_id, ward_id, priority, arrived_s, opened_ms);
CREATE INDEX ix_moments_ended_s ON moments (site_id, ward_id, priority, ended_s, opened_ms);
CREATE INDEX ix_handovers_site_id_ward_id_until_ms ON handovers (site_id, ward_id, until_ms);
CREATE INDEX ix_setting_versions_tests ON setting_versions (site_id, saved_ms) WHERE kind = 'test_session';
CREATE INDEX ix_alerts_untested ON alerts (site_id, ward_id) WHERE rule = 'R48' AND condition = 'active';
CREATE INDEX ix_outbox_exhausted ON outbox (done_ms) WHERE state = 'exhausted';
CREATE INDEX ix_incidents_held_back ON incidents (quiet_until_ms) WHERE open = 1 AND quiet_until_ms IS NOT NULL;
CREATE INDEX ix_alerts_open_home ON alerts (home_id) WHERE open = 1;
CREATE INDEX ix_alerts_open_device ON alerts (device_id) WHERE open = 1;
CREATE INDEX ix_alerts_merged_into ON alerts (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX ix_shadow_alerts_at_ms_seq ON shadow_alerts (at_ms, seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('attempts',10);
INSERT INTO "sqlite_sequence" VALUES('audit',5);
INSERT INTO "sqlite_sequence" VALUES('changes',34);
INSERT INTO "sqlite_sequence" VALUES('outbox',9);
INSERT INTO "sqlite_sequence" VALUES('phone_answers',1);
INSERT INTO "sqlite_sequence" VALUES('relay',2);
INSERT INTO "sqlite_sequence" VALUES('timeline',21);
COMMIT;
