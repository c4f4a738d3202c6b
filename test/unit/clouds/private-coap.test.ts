// SPDX-License-Identifier: Apache-2.0
/** The private cloud over CoAP: resources and messages as documented, and whatever comes, at worst an error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../../src/coap/constants.js";
import { DeviceError } from "../../../src/base/error.js";
import type { Command } from "../../../src/operations/command.js";
import { Commands } from "../../../src/operations/commands.js";
import { Jobs, type Job } from "../../../src/operations/jobs.js";
import { Shadow } from "../../../src/shadow/shadow.js";
import { codeOf } from "../failure.js";
import { CoAPRig, ID, type RigOptions } from "./coap-rig.js";

const MINUTE = 60_000;
const STATUS = `POST status {"online":true,"keepAlive":60,"product":"lamp","version":"1.0.0"}`;

function withShadow(options: RigOptions = {}): { rig: CoAPRig; shadow: Shadow; turn: () => void } {
	const rig = new CoAPRig(options);
	const shadow = new Shadow({
		onDelta: (delta, version) => rig.lines.push(`delta ${version} ${JSON.stringify(delta)}`),
		onSync: (version) => rig.lines.push(`sync ${version}`),
		onError: ({ code }) => rig.lines.push(`error ${code}`),
	});
	rig.connection.addShadow("", shadow);
	return { rig, shadow, turn: () => shadow.expire(rig.host.time.now()) };
}

/** In sync at version 5. */
function synced(options?: RigOptions): ReturnType<typeof withShadow> {
	const made = withShadow(options);
	const { rig, turn } = made;
	rig.ready();
	turn();
	rig.answer("GET shadow", Code.CONTENT, { version: 5, desired: {}, reported: {} });
	turn();
	rig.notify("GET* shadow/delta", { version: 5, delta: {} });
	turn();
	assert.deepEqual(rig.said(), ["ready", "sync 5"]);
	return made;
}

test("the scheme of the endpoint says which protocol it is", () => {
	for (const scheme of ["coap", "coap+tcp"]) assert.equal(CoAPRig.scheme(`${scheme}://cloud`), "coap", scheme);
	assert.equal(CoAPRig.scheme("mqtt://cloud"), "mqtt");
	const address = (endpoint: string) => new CoAPRig({ identity: { id: ID, endpoint, anchor: "anchor", "psk-identity": "lamp", psk: "secret" } }).connection.server;
	assert.deepEqual([address("coap://cloud").transport, address("coap://cloud").port], ["udp", 5683]);
	assert.deepEqual([address("coaps://cloud").transport, address("coaps://cloud").port], ["dtls", 5684]);
	assert.deepEqual([address("coap+tcp://cloud").transport, address("coap+tcp://cloud").port], ["tcp", 5683]);
	assert.deepEqual([address("coaps+tcp://cloud").transport, address("coaps+tcp://cloud").port], ["tls", 5684]);
	assert.deepEqual([address("coap+ws://cloud").transport, address("coap+ws://cloud").port], ["ws", 80]);
	assert.deepEqual([address("coaps+ws://cloud").transport, address("coaps+ws://cloud").port], ["wss", 443]);
	assert.equal(address("coaps://cloud").psk?.identity, "lamp");
	assert.equal(address("coap://cloud").psk, undefined);
});

test("what a transport needs and the identity lacks is said at once", () => {
	const outcome = (endpoint: string): string => codeOf(() => new CoAPRig({ identity: { id: ID, endpoint } }));
	assert.equal(outcome("coaps://cloud"), "credential");
	assert.equal(outcome("coaps+tcp://cloud"), "credential");
	assert.equal(outcome("http://cloud"), "argument");
});

test("the greeting comes first; once it is answered, services ask and observe", () => {
	const { rig, turn } = withShadow();
	rig.client.connected = true;
	rig.connection.onConnected();
	assert.deepEqual(rig.open(), [STATUS]);
	assert.deepEqual(rig.said(), []);
	rig.answer("POST status", Code.CREATED);
	assert.deepEqual(rig.said(), ["ready"]);
	turn();
	assert.deepEqual(rig.open(), ["GET* shadow/delta", "GET shadow"]);
	assert.equal(rig.find("GET shadow").options.accept, 50);
});

test("a greeting that is refused is an error, and said again later; a lost connection is the client's to tell", () => {
	const rig = new CoAPRig();
	rig.ready(Code.FORBIDDEN);
	assert.deepEqual(rig.said(), ["fault rejected 4.03"]);
	assert.deepEqual(rig.open(), []);
	rig.host.advance(10 * MINUTE);
	rig.fail("POST status", "closed");
	assert.deepEqual(rig.said(), []);
	rig.host.advance(2 * MINUTE);
	rig.fail("POST status", "timeout");
	assert.deepEqual(rig.said(), ["fault timeout"]);
	rig.host.advance(2 * MINUTE);
	rig.answer("POST status", Code.CHANGED);
	assert.deepEqual(rig.said(), ["ready"]);
});

test("over datagrams the greeting is said again each minute: from 2.01 on all begins anew", () => {
	const { rig, turn } = synced();
	const first = rig.find("GET* shadow/delta");
	rig.host.advance(MINUTE);
	rig.answer("POST status", Code.CHANGED);
	turn();
	assert.deepEqual(rig.open(), ["GET* shadow/delta"]);
	assert.equal(first.isCancelled, false);
	rig.host.advance(MINUTE);
	rig.answer("POST status", Code.CREATED);
	turn();
	assert.equal(first.isCancelled, true);
	assert.deepEqual(rig.open(), ["GET* shadow/delta", "GET shadow"]);
	assert.deepEqual(rig.said(), []);
	const stream = new CoAPRig({ identity: { id: ID, endpoint: "coap+tcp://cloud" } });
	stream.ready();
	stream.host.advance(10 * MINUTE);
	assert.deepEqual(stream.open(), []);
});

test("a lost connection cancels all that was asked; the next one begins with a greeting", () => {
	const { rig, shadow, turn } = synced();
	shadow.report({ on: false });
	turn();
	rig.lose();
	assert.deepEqual(rig.open(), []);
	assert.deepEqual(rig.said(), ["lost timeout"]);
	turn();
	assert.deepEqual(rig.open(), []);
	rig.ready();
	turn();
	assert.deepEqual(rig.open(), ["GET* shadow/delta", "GET shadow"]);
});

test("PrivateCoAPShadow: a delta, a report, and a version of its own", () => {
	const { rig, shadow, turn } = synced();
	rig.notify("GET* shadow/delta", { version: 6, delta: { on: false } });
	turn();
	assert.deepEqual(rig.said(), [`delta 6 {"on":false}`]);
	shadow.report({ on: false });
	turn();
	assert.deepEqual(rig.open(), ["GET* shadow/delta", `iPATCH shadow {"reported":{"on":false}}`]);
	rig.answer("iPATCH shadow", Code.CHANGED, { version: 7 });
	turn();
	assert.deepEqual(rig.said(), ["sync 7"]);
});

test("PrivateCoAPShadow: what was deleted, or has an older version, is fetched anew", () => {
	for (const message of [{ version: 6, delta: {}, deleted: true }, { version: 2, delta: {} }]) {
		const { rig, turn } = synced();
		rig.notify("GET* shadow/delta", message);
		turn();
		assert.deepEqual(rig.open(), ["GET* shadow/delta", "GET shadow"]);
	}
});

test("PrivateCoAPShadow: refusals by their codes", () => {
	const refusals: readonly [code: number, lines: string[], open: string[]][] = [
		[Code.BAD_REQUEST, ["error rejected"], []],
		[Code.REQUEST_ENTITY_TOO_LARGE, ["error rejected"], []],
		[Code.CONFLICT, [], ["GET shadow"]],
		[Code.TOO_MANY_REQUESTS, ["error rejected"], [`iPATCH shadow {"reported":{"on":false}}`]],
		[Code.SERVICE_UNAVAILABLE, ["error rejected"], [`iPATCH shadow {"reported":{"on":false}}`]],
	];
	for (const [code, lines, open] of refusals) {
		const { rig, shadow, turn } = synced();
		shadow.report({ on: false });
		turn();
		rig.answer("iPATCH shadow", code, { code: 400, message: "no" });
		turn();
		assert.deepEqual(rig.said(), lines, String(code));
		rig.host.advance(15_000);
		turn();
		assert.deepEqual(rig.open(), ["GET* shadow/delta", ...open], String(code));
	}
});

test("PrivateCoAPShadow: what is no message is an error, and no more", () => {
	const { rig, turn } = withShadow();
	rig.ready();
	turn();
	rig.said();
	rig.answer("GET shadow", Code.CONTENT, new Uint8Array([0x7b]));
	rig.notify("GET* shadow/delta", new Uint8Array([0xa1]));
	assert.deepEqual(rig.said(), ["fault malformed", "fault malformed"]);
});

test("PrivateCoAPShadow: a refusal in plain words, and one that says nothing", () => {
	for (const words of [new Uint8Array([0x4e, 0x6f]), undefined]) {
		const { rig, shadow, turn } = synced();
		shadow.report({ on: false });
		turn();
		rig.answer("iPATCH shadow", Code.BAD_REQUEST, words);
		turn();
		assert.deepEqual(rig.said(), ["error rejected"]);
	}
});

test("named shadows have resources of their own; what is no name is refused", () => {
	const rig = new CoAPRig();
	const shadow = new Shadow({ onDelta: () => {} });
	rig.connection.addShadow("config", shadow);
	assert.equal(codeOf(() => rig.connection.addShadow("a/b", shadow)), "argument");
	rig.ready();
	shadow.expire(rig.host.time.now());
	assert.deepEqual(rig.open(), ["GET* shadow/name/config/delta", "GET shadow/name/config"]);
});

test("in CBOR everything is asked for in CBOR, and either is read", () => {
	const { rig, turn } = withShadow({ cloud: { format: "cbor" } });
	rig.ready();
	turn();
	assert.deepEqual([rig.find("GET shadow").options.accept, rig.find("GET* shadow").options.accept], [60, 60]);
	rig.said();
	// {"version":1,"desired":{"on":true},"reported":{}}
	const cbor = [0xa3, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x01, 0x67, 0x64, 0x65, 0x73, 0x69, 0x72, 0x65, 0x64, 0xa1, 0x62, 0x6f, 0x6e, 0xf5,
		0x68, 0x72, 0x65, 0x70, 0x6f, 0x72, 0x74, 0x65, 0x64, 0xa0];
	rig.answer("GET shadow", Code.CONTENT, Uint8Array.from(cbor));
	turn();
	assert.deepEqual(rig.said(), [`delta 1 {"on":true}`]);
});

test("an observation that is refused is tried again after a minute; not when the connection is lost", () => {
	const { rig } = synced();
	const observed = rig.find("GET* shadow/delta");
	rig.client.asked.length = 0;
	observed.observer!.onEnded(new DeviceError("rejected", "refused", { detail: Code.NOT_FOUND }), rig.host.time.now());
	assert.deepEqual(rig.said(), ["fault rejected 4.04"]);
	rig.host.advance(MINUTE - 1);
	assert.deepEqual(rig.open(), []);
	rig.host.advance(1);
	assert.deepEqual(rig.open().filter((line) => line.startsWith("GET*")), ["GET* shadow/delta"]);
	rig.find("GET* shadow").observer!.onEnded(new DeviceError("rejected", "refused", { detail: Code.NOT_FOUND }), rig.host.time.now());
	rig.lose();
	rig.host.advance(2 * MINUTE);
	assert.deepEqual(rig.open(), []);
});

test("a client that has no room is asked again later, for observations, too", () => {
	const { rig, turn } = withShadow();
	rig.client.room = 1;
	rig.ready();
	turn();
	assert.deepEqual([rig.open(), rig.said()], [[], ["fault full", "ready"]]);
	rig.client.room = Infinity;
	rig.host.advance(1_000);
	turn();
	assert.deepEqual(rig.open(), ["GET shadow"]);
	rig.host.advance(MINUTE);
	assert.ok(rig.open().includes("GET* shadow/delta"));
});

test("PrivateCoAPJobs: a job from its hint to its end", () => {
	const rig = new CoAPRig();
	let job: Job | undefined;
	const jobs = new Jobs({
		onJob: (given) => {
			job = given;
			rig.lines.push(`job ${given.id} ${JSON.stringify(given.document)}`);
		},
		onJobFinished: ({ id, status }) => rig.lines.push(`finished ${id} ${status}`),
		onJobCanceled: ({ id, status }) => rig.lines.push(`canceled ${id} ${status}`),
	});
	const turn = (): void => jobs.expire(rig.host.time.now());
	rig.connection.addJobs(jobs);
	rig.ready();
	turn();
	rig.said();
	assert.deepEqual(rig.open(), ["GET* jobs", "POST jobs/next {}"]);
	rig.answer("POST jobs/next", Code.CHANGED, {});
	turn();
	const queued = { id: "job-1", number: 1, version: 1, status: "QUEUED" };
	rig.notify("GET* jobs", { job: queued });
	turn();
	rig.answer("POST jobs/next", Code.CHANGED, { job: { ...queued, version: 2, status: "IN_PROGRESS", document: { operation: "reboot" } } });
	turn();
	assert.deepEqual(rig.said(), [`job job-1 {"operation":"reboot"}`]);
	job!.progress({ step: "1" }, { stepTimeoutMinutes: 5 });
	turn();
	rig.answer(
		`POST jobs/update {"id":"job-1","number":1,"version":2,"status":"IN_PROGRESS","details":{"step":"1"},"stepTimeoutMinutes":5}`, Code.CHANGED, {},
	);
	job!.succeed();
	turn();
	rig.answer("POST jobs/update", Code.CONFLICT, { code: 409, message: "over", job: { status: "CANCELED", version: 4 } });
	turn();
	assert.deepEqual(rig.said(), ["canceled job-1 CANCELED"]);
});

test("PrivateCoAPCommands: each of those that wait once, and what became of it", () => {
	const rig = new CoAPRig();
	const commands = new Commands({
		onCommand: (command) => {
			rig.lines.push(`${command.id} ${JSON.stringify(command.payload)}`);
			command.succeed({ done: true });
		},
		onError: ({ code }) => rig.lines.push(`error ${code}`),
	});
	const turn = (): void => commands.expire(rig.host.time.now());
	rig.connection.addCommands(commands);
	rig.ready();
	turn();
	rig.said();
	assert.deepEqual(rig.open(), ["GET* commands"]);
	rig.notify("GET* commands", { commands: [{ id: "a", payload: { blink: 3 } }, { id: "b" }] });
	turn();
	assert.deepEqual(rig.said(), [`a {"blink":3}`, "b null"]);
	rig.notify("GET* commands", { commands: [{ id: "a", payload: { blink: 3 } }] });
	rig.answer(`POST commands/response {"id":"a","status":"SUCCEEDED","result":{"done":true}}`, Code.CHANGED, { id: "a" });
	turn();
	rig.answer(`POST commands/response {"id":"b","status":"SUCCEEDED","result":{"done":true}}`, Code.NOT_FOUND, { code: 404, message: "no" });
	turn();
	assert.deepEqual(rig.said(), ["error rejected"]);
	assert.deepEqual(rig.open(), ["GET* commands"]);
	rig.notify("GET* commands", { commands: 3 });
	assert.deepEqual(rig.said(), ["fault malformed"]);
});

test("PrivateCoAPCommands: canceled, too late, and a reply in parts", () => {
	const rig = new CoAPRig();
	const asked: Command[] = [];
	const commands = new Commands({
		onCommand: (command) => { asked.push(command); },
		onCommandCanceled: ({ id, status }) => rig.lines.push(`${id} ${status}`),
	});
	const turn = (): void => commands.expire(rig.host.time.now());
	rig.connection.addCommands(commands);
	rig.ready();
	turn();
	rig.said();
	rig.notify("GET* commands", { commands: [{ id: "a", number: 1 }, { id: "b", timeout: 0 }, { id: "c", payload: "x" }] });
	turn();
	assert.deepEqual(asked.map(({ id, terms }) => [id, terms.number]), [["a", 1], ["c", undefined]]);
	rig.answer(`POST commands/response {"id":"b","status":"TIMED_OUT"}`, Code.CHANGED, { id: "b" });
	rig.notify("GET* commands", { commands: [], canceled: [{ id: "a", number: 1 }] });
	turn();
	assert.deepEqual(rig.said(), ["a CANCELED"]);
	rig.answer(`POST commands/response {"id":"a","status":"CANCELED"}`, Code.CHANGED, { id: "a" });
	asked[1]!.reply({ read: (offset, target) => {
		const count = Math.min(target.byteLength, 1_000 - offset);
		target.fill(0x41, 0, count);
		return count;
	} });
	turn();
	const { options: { payload, contentFormat } } = rig.find("POST commands/reply/c/0 AAA");
	assert.deepEqual([payload!.byteLength, contentFormat], [768, 42]);
	rig.answer("POST commands/reply/c/0", Code.CHANGED, { offset: 768 });
	turn();
	rig.answer("POST commands/reply/c/768", 0xa0, { code: 500, message: "later" });
	rig.host.advance(10_000);
	turn();
	rig.answer("POST commands/reply/c/768", Code.CHANGED, { offset: 1_000 });
	turn();
	turn();
	rig.answer(`POST commands/response {"id":"c","status":"SUCCEEDED","reply":{"length":1000}}`, Code.CHANGED, { id: "c" });
	assert.deepEqual(rig.open(), ["GET* commands"]);
	rig.notify("GET* commands", { commands: [], canceled: ["a"] });
	assert.deepEqual(rig.said(), ["fault malformed"]);
});

test("messages of the program's own: at QoS 1 confirmable, retained by PUT, and no more than four at a time", () => {
	const rig = new CoAPRig();
	const { connection } = rig;
	const topic = `moorline/${ID}/temperature`;
	assert.equal(connection.publish(topic, "21"), false);
	rig.ready();
	rig.said();
	assert.equal(connection.publish(topic, "21"), true);
	assert.equal(rig.find("POST temperature").options.confirmable, false);
	rig.answer("POST temperature 21", Code.CHANGED);
	assert.equal(connection.publish(topic, new Uint8Array([0x32]), { qos: 1, retain: true }), true);
	assert.equal(rig.find("PUT temperature 2").options.confirmable, true);
	for (let count = 1; count < 4; count++) assert.equal(connection.publish(topic, "1"), true);
	assert.equal(connection.publish(topic, "1"), false);
	rig.answer("PUT temperature", Code.FORBIDDEN);
	rig.fail("POST temperature", "timeout");
	assert.deepEqual(rig.said(), ["fault rejected 4.03", "fault timeout"]);
	assert.deepEqual([connection.publish(topic, "1"), connection.publish(topic, "1"), connection.publish(topic, "1")], [true, true, false]);
	rig.lose();
	rig.client.asked.length = 0;
	rig.ready();
	assert.equal(connection.publish(topic, "1"), true);
});

test("after close nothing is asked and nobody is told", () => {
	const { rig, shadow, turn } = synced();
	rig.connection.close();
	shadow.report({ on: false });
	turn();
	rig.host.advance(10 * MINUTE);
	assert.deepEqual([rig.open(), rig.said(), rig.client.closed], [[], [], true]);
});

test("what this cloud has not is refused", () => {
	const rig = new CoAPRig();
	assert.equal(codeOf(() => rig.connection.addMetrics(undefined as never)), "unsupported");
	assert.equal(codeOf(() => rig.connection.addProvisioning(undefined as never)), "unsupported");
});

test("a greeting for which there is no room is said later, and nothing is thrown at who has the alarm", () => {
	const rig = new CoAPRig().ready();
	rig.client.room = 0;
	rig.host.advance(MINUTE);
	assert.deepEqual(rig.open(), []);
	rig.client.room = Infinity;
	rig.host.advance(10_000);
	assert.deepEqual(rig.open(), [STATUS]);
	assert.deepEqual(rig.said(), ["ready"]);
});

test("bytes that are published are copied: the program may fill its buffer again at once", () => {
	const rig = new CoAPRig().ready();
	const sample = Uint8Array.of(1, 2, 3);
	assert.ok(rig.connection.publish("samples", sample, { qos: 1 }));
	sample.fill(9);
	assert.deepEqual(rig.find("POST samples").options.payload, Uint8Array.of(1, 2, 3));
});
