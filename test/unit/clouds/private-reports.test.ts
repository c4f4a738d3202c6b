// SPDX-License-Identifier: Apache-2.0
/** Reports to the private cloud, over MQTT and over CoAP, and to Golioth: as documented, and what refusals mean. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../../src/coap/constants.js";
import { privateCloud } from "../../../src/clouds/private/index.js";
import { Reports } from "../../../src/operations/reports.js";
import { FakeHost } from "../fake-host.js";
import { fromHex, toHex } from "../hex.js";
import { OneSource, Overheard } from "../operations/report-source.js";
import { connack, packet, publish, suback, utf8 } from "../wire.js";
import { cbor } from "./aws-rig.js";
import { CoAPRig, ID } from "./coap-rig.js";
import { GoliothRig } from "./golioth-rig.js";

const LOGS = { boot: 1, records: [[1, 2, 3, "a", "b"]] };
const PREFIX = `moorline/${ID}/reports/`;
const TURN_MAXIMUM = 20;

class Subject {
	lines: string[] = [];
	readonly reports = new Reports({ onError: ({ code }) => this.lines.push(`error ${code}`) }, { prefix: "k-" });
	readonly source = new OneSource("logs", LOGS, () => this.lines);

	constructor() {
		this.reports.add(this.source);
	}

	run(now: number): void {
		for (let turns = 0; this.reports.deadline <= now; turns++) {
			assert.ok(turns < TURN_MAXIMUM, "due for ever");
			this.reports.expire(now);
		}
	}

	take(): string[] {
		return this.lines.splice(0);
	}
}

class MQTTRig extends Subject {
	readonly host = new FakeHost();
	readonly overheard = new Overheard();

	constructor() {
		super();
		this.host.stored["identity"] = { id: fromHex(utf8(ID)), endpoint: fromHex(utf8("mqtt://broker")) };
		const connection = privateCloud().connect({
			host: this.host, id: ID, firmware: undefined, tracer: this.overheard,
			onReady: () => {}, onLost: () => {}, onTurn: () => {},
			onFault: ({ code }) => { this.lines.push(`fault ${code}`); },
		});
		connection.addReports(this.reports);
		this.host.reach();
		this.host.stream.deliver(connack());
		const [, id = ""] = /^.*82[0-9a-f]{2}([0-9a-f]{4})/.exec(this.host.stream.take()) ?? [];
		this.host.stream.deliver(suback(Number.parseInt(id, 16), 1, 1));
		this.host.advance(0);
		this.host.stream.take();
		this.overheard.take();
		this.run(this.host.clock);
		this.host.advance(0);
	}

	answer(verb: string, message: unknown): string[] {
		this.host.stream.deliver(publish({ topic: PREFIX + verb, payload: utf8(JSON.stringify(message)) }));
		this.run(this.host.clock);
		return this.take();
	}
}

test("PrivateReports: QoS 0 with kind and token in the topic, and the cloud's answer; none of it is traced", () => {
	const rig = new MQTTRig();
	assert.equal(rig.host.stream.take(), publish({ topic: `${PREFIX}logs/k-1`, payload: cbor(LOGS) }));
	assert.deepEqual(rig.answer("accepted", { token: "k-0" }), []);
	assert.deepEqual(rig.answer("accepted", { token: "k-1" }), ["logs accepted"]);
	assert.deepEqual(rig.answer("accepted", { token: "k-1" }), []);
	assert.deepEqual(rig.overheard.take(), []);
});

test("PrivateReports: refusals by their numbers, and what cannot be read", () => {
	const refused = ["logs refused: rejected", "error rejected"];
	for (const [code, lines] of [[400, refused], [404, refused], [413, refused], [429, []], [500, []]] as const) {
		assert.deepEqual(new MQTTRig().answer("rejected", { token: "k-1", code, message: "no" }), lines, `${code}`);
	}
	assert.deepEqual(new MQTTRig().answer("accepted", 3), ["fault malformed"]);
});

test("PrivateConnection: what the program and the services say, and what they are told, is traced", () => {
	const overheard = new Overheard();
	const host = new FakeHost();
	host.stored["identity"] = { id: fromHex(utf8(ID)), endpoint: fromHex(utf8("mqtt://broker")) };
	const connection = privateCloud().connect({
		host, id: ID, firmware: undefined, tracer: overheard, onReady: () => {}, onLost: () => {}, onTurn: () => {}, onFault: () => {},
	});
	host.reach();
	assert.equal(connection.publish("lamp/lost", "x"), false);
	host.stream.deliver(connack());
	connection.publish("lamp/heat", "21.5");
	connection.publish("lamp/bytes", new Uint8Array(7), { qos: 1 });
	host.stream.deliver(packet(0x30, "0004" + utf8("a/bc") + "010203"));
	assert.deepEqual(overheard.take(), [`> moorline/${ID}/status 15`, "> lamp/heat 4", "> lamp/bytes 7", "< a/bc 3"]);
});

test("PrivateCoAPReports: POST in CBOR, and its answers; none of it is traced", () => {
	for (const [code, lines] of [
		[Code.CHANGED, ["logs accepted"]], [Code.BAD_REQUEST, ["logs refused: rejected", "error rejected"]], [Code.TOO_MANY_REQUESTS, []],
	] as const) {
		const subject = new Subject();
		const overheard = new Overheard();
		const rig = new CoAPRig({ tracer: overheard });
		rig.connection.addReports(subject.reports);
		rig.ready();
		overheard.take();
		subject.run(rig.host.clock);
		const { options } = rig.find("POST reports/logs");
		assert.deepEqual([options.contentFormat, toHex(options.payload!)], [60, cbor(LOGS)]);
		rig.answer("POST reports/logs", code);
		subject.run(rig.host.clock);
		assert.deepEqual(subject.take(), lines);
		assert.deepEqual(overheard.take(), []);
		rig.connection.publish("moorline/lamp-1/heat", "21.5");
		assert.deepEqual(overheard.take(), ["> moorline/lamp-1/heat 4"]);
	}
});

test("GoliothReports: to LightDB stream, below reports", () => {
	for (const [code, lines] of [
		[Code.CHANGED, ["logs accepted"]], [Code.UNAUTHORIZED, ["logs refused: rejected", "error rejected"]], [Code.TOO_MANY_REQUESTS, []],
	] as const) {
		const subject = new Subject();
		const rig = new GoliothRig();
		rig.connection.addReports(subject.reports);
		rig.services.push(subject.reports);
		rig.accept();
		assert.match(rig.take().join(), /POST \.s\/reports\/logs/);
		rig.answer(code);
		assert.deepEqual(subject.take(), lines);
		rig.lose();
		assert.equal(subject.reports.deadline, Infinity);
	}
});
