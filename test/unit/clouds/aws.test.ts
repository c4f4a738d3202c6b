// SPDX-License-Identifier: Apache-2.0
/** AWS: who the device says that it is, the ways that it tries, and messages of the program's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { ingestTopic, type AwsOptions } from "../../../src/clouds/aws/index.js";
import { Jobs } from "../../../src/operations/jobs.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { packet, prefixed, uint16, utf8 } from "../wire.js";
import { connack5, connect5, long5, puback5, short5 } from "../wire5.js";
import { AwsRig, ENDPOINT, IDENTITY, THING } from "./aws-rig.js";

const SAID = `${long5(17, 3_600)}${short5(33, 16)}`;
const USER = 0x80;
const PASSWORD = 0x40;
const CLEAN = 0x02;

test("AWS is told the thing's name and to keep the session for an hour; after a reset it begins anew", () => {
	const rig = new AwsRig();
	assert.equal(rig.reach(), connect5(CLEAN, SAID, THING));
	rig.stream.deliver(connack5());
	rig.stream.fail(new DeviceError("closed", "reset"));
	assert.equal(rig.reach(), connect5(0, SAID, THING));
	assert.equal(new AwsRig({ cloud: { keepAlive: 1_200_000 } }).reach(), connect5(CLEAN, SAID, THING, "", 1_200));
});

test("AWS over MQTT 3.1.1 goes on with the session that was kept", () => {
	const rig = new AwsRig({ cloud: { protocol: 4 } });
	assert.equal(rig.reach(), packet(0x10, `${prefixed("MQTT")}0400${uint16(60)}${prefixed(THING)}`));
});

/** Ways as they are tried, one after the other. */
function ways(cloud: AwsOptions, endpoint: string | undefined, count: number): string[] {
	const { endpoint: _, ...identity } = IDENTITY;
	const rig = new AwsRig({ cloud, identity: endpoint === undefined ? identity : { ...identity, endpoint } });
	const tried: string[] = [];
	while (tried.length < count) {
		rig.reach();
		const { host, port, secure, path = "" } = rig.stream.options;
		const alpn = secure?.applicationLayerProtocolNegotiation ?? [];
		tried.push([rig.host.resolver.options!.host, host, port, secure?.clientCertificates?.length ?? 0, ...alpn, path].join(" ").trim());
		rig.stream.fail(new DeviceError("unreachable", "refused"));
	}
	return tried;
}

test("AWS is reached on 8883 and, where that is closed, on 443 with ALPN", () => {
	const direct = `${ENDPOINT} ${ENDPOINT} 8883 1`;
	const web = `${ENDPOINT} ${ENDPOINT} 443 1 x-amzn-mqtt-ca`;
	assert.deepEqual(ways({}, ENDPOINT, 3), [direct, web, direct]);
	assert.deepEqual(ways({ endpoint: ENDPOINT }, undefined, 2), [direct, web]);
	assert.deepEqual(ways({ endpoint: "elsewhere" }, `mqtts://${ENDPOINT}`, 2), [direct, web]);
	assert.deepEqual(ways({}, `mqtts://${ENDPOINT}:443`, 2), [web, web]);
	assert.deepEqual(ways({}, "mqtts://localhost:18883", 2), ["localhost localhost 18883 1", "localhost localhost 18883 1"]);
});

test("a custom authorizer is asked on 443 and through a WebSocket, without a certificate", () => {
	const customAuthorizer = { name: "gate", user: "me", tokenKey: "ticket", token: "a b", signature: "x+/=", password: "word" };
	const query = "x-amz-customauthorizer-name=gate&x-amz-customauthorizer-signature=x%2B%2F%3D&ticket=a%20b";
	assert.deepEqual(ways({ customAuthorizer }, ENDPOINT, 2), [
		`${ENDPOINT} ${ENDPOINT} 443 0 mqtt`, `${ENDPOINT} ${ENDPOINT} 443 0 /mqtt?${query}`,
	]);
	const said = prefixed(`me?${query}`) + prefixed("word");
	assert.equal(new AwsRig({ cloud: { customAuthorizer } }).reach(), connect5(USER | PASSWORD | CLEAN, SAID, THING, said));
	// The account's default authorizer, without a signature and without a certificate on the device.
	const { certificate, key, ...identity } = IDENTITY;
	const rig = new AwsRig({ identity, cloud: { customAuthorizer: { tokenKey: "t", token: "1" } } });
	assert.equal(rig.reach(), connect5(USER | CLEAN, SAID, THING, prefixed("?t=1")));
});

test("AWS is given the anchor, the certificate and the key of the identity", () => {
	const rig = new AwsRig();
	rig.reach();
	assert.deepEqual(rig.stream.options.secure, {
		certificates: [fromHex(utf8("a"))], clientCertificates: [fromHex(utf8("c"))], clientKey: fromHex(utf8("k")),
	});
});

const WRONG: readonly [name: string, identity: Record<string, string>, cloud: AwsOptions, code: string][] = [
	["an id that is no thing's name", { ...IDENTITY, id: "a/b" }, {}, "credential"],
	["an id that is too long", { ...IDENTITY, id: "a".repeat(129) }, {}, "credential"],
	["no id", { endpoint: ENDPOINT }, {}, "credential"],
	["no endpoint", { id: THING }, {}, "credential"],
	["no anchor", { id: THING, endpoint: ENDPOINT, certificate: "c", key: "k" }, {}, "credential"],
	["no certificate", { id: THING, endpoint: ENDPOINT, anchor: "a" }, {}, "credential"],
	["an endpoint of another kind", { ...IDENTITY, endpoint: "https://name" }, {}, "argument"],
	["a keep alive that AWS takes for another", IDENTITY, { keepAlive: 29_999 }, "argument"],
	["another", IDENTITY, { keepAlive: 1_200_001 }, "argument"],
	["no keep alive", IDENTITY, { keepAlive: 0 }, "argument"],
	["messages longer than any", IDENTITY, { messageMaximum: 131_073 }, "argument"],
];

test("AWS: what cannot work is refused when the connection is made", () => {
	for (const [name, identity, cloud, code] of WRONG) assert.equal(codeOf(() => new AwsRig({ identity, cloud })), code, name);
});

test("messages of the program's own go to any topic, to a rule by its name, and are not retained on topics of AWS", () => {
	const rig = new AwsRig();
	assert.equal(rig.connection.publish("telemetry", "early"), false);
	rig.accept();
	assert.equal(rig.connection.publish(`things/${THING}/telemetry`, "20", { retain: true }), true);
	assert.equal(rig.connection.publish(ingestTopic("store", "kitchen/heat"), "21", { qos: 1 }), true);
	assert.equal(rig.connection.publish(ingestTopic("store"), "22"), true);
	assert.deepEqual(rig.take(), [
		"ready", `things/${THING}/telemetry retained 20`, "$aws/rules/store/kitchen/heat 21", "$aws/rules/store 22",
	]);
	assert.equal(codeOf(() => rig.connection.publish(ingestTopic("store"), "1", { retain: true })), "unsupported");
	assert.equal(codeOf(() => rig.connection.publish("a/+", "1")), "argument");
	const long = `a/b/c/d/e/f/g/${"ä".repeat(120)}x`;
	for (const topic of [long, ingestTopic("store", long)]) {
		assert.equal(rig.connection.publish(topic, ""), true);
		assert.equal(codeOf(() => rig.connection.publish(`${topic}x`, "")), "nothing");
		assert.equal(codeOf(() => rig.connection.publish(`${topic}ä`, "")), "argument");
		assert.equal(codeOf(() => rig.connection.publish(`${topic}/`, "")), "argument");
	}
});

test("AWS: a message of the program's own that the broker refuses is told", () => {
	const rig = new AwsRig();
	rig.accept();
	rig.take();
	rig.connection.publish("not/mine", "1", { qos: 1 });
	rig.connection.publish("mine", "2", { qos: 1 });
	rig.take();
	rig.stream.deliver(puback5(2, 0x87) + puback5(3, 0x10));
	assert.deepEqual(rig.take(), ["fault rejected: the broker refused a message"]);
});

test("AWS: what is refused by the broker is told, and its service does not begin", () => {
	const rig = new AwsRig();
	rig.code = 0x87;
	const jobs = new Jobs({ onJob: () => undefined });
	rig.connection.addJobs(jobs);
	rig.accept();
	const lines = rig.take();
	assert.equal(lines.filter((line) => line.startsWith("fault rejected")).length, 3);
	assert.equal(lines.at(-1), "ready");
	assert.equal(jobs.deadline, Infinity);
});
