// SPDX-License-Identifier: Apache-2.0
/** Shadows of the private cloud: names, both sections, deletion, what is retained and when, formats, times, a store. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { JsonObject } from "../../hosts/simulator/services/json.js";
import type { ShadowServiceOptions, ShadowStore, StoredShadow } from "../../hosts/simulator/services/shadow.js";
import { isShadowName, ShadowService } from "../../hosts/simulator/services/shadow.js";
import { Wire } from "./wire.js";

/** Documents in memory that survive the service. */
class MemoryStore implements ShadowStore {
	readonly shadows = new Map<string, string>();
	failing = false;
	load(): StoredShadow[] { return [...this.shadows.values()].map(text => JSON.parse(text) as StoredShadow); }
	save(shadow: StoredShadow): void {
		if (this.failing) throw new Error("no room on the disk");
		this.shadows.set(`${shadow.id} ${shadow.name}`, JSON.stringify(shadow));
	}
}

function setup(options: ShadowServiceOptions = {}) {
	const wire = new Wire(), shadows = new ShadowService(options);
	shadows.attach(wire);
	return { wire, shadows };
}

const online = (more: object = {}) => ({ online: true, ...more });

suite("Private cloud: shadows with names", () => {
	test("a named shadow is a document of its own, on topics of its own", () => {
		const { wire, shadows } = setup();
		assert.deepEqual(wire.send("lamp/shadow/name/wifi/report", { token: "a", reported: { channel: 1 } }), ['lamp/shadow/name/wifi/accepted {"token":"a","version":1}']);
		assert.deepEqual(wire.send("lamp/shadow/get", { token: "b" }), ['lamp/shadow/document {"token":"b","version":0,"desired":{},"reported":{}}']);
		assert.equal(shadows.desire("lamp", { channel: 6 }, "wifi"), 2);
		assert.deepEqual(wire.take(), ['lamp/shadow/name/wifi/delta {"version":2,"delta":{"channel":6}}']);
		assert.deepEqual(wire.send("lamp/shadow/name/wifi/get", { token: "c" }), ['lamp/shadow/name/wifi/document {"token":"c","version":2,"desired":{"channel":6},"reported":{"channel":1}}']);
		assert.deepEqual([shadows.ids(), shadows.names("lamp"), shadows.get("lamp").version], [["lamp"], ["wifi"], 0]);
		assert.deepEqual(shadows.delta("lamp", "wifi"), { channel: 6 });
		shadows.desire("lamp", {});
		assert.deepEqual([shadows.ids(), shadows.names("lamp")], [["lamp"], ["wifi", ""]]);
	});

	test("names are 1 to 64 of letters, digits and $:_-", () => {
		for (const name of ["a", "$a:b_c-9", "x".repeat(64)]) assert.equal(isShadowName(name), true, name);
		for (const name of ["", "a.b", "a b", "é", "a/b", "+", "x".repeat(65)]) assert.equal(isShadowName(name), false, name);
		const { wire, shadows } = setup();
		assert.throws(() => shadows.desire("lamp", {}, "a.b"), { code: "argument" });
		for (const place of ["lamp/shadow/name/a.b", "lamp/shadow/name/", "$lamp/shadow/name/a"]) {
			assert.deepEqual(wire.send(`${place}/report`, { reported: {} }), [], place);
		}
	});
});

suite("Private cloud: changes", () => {
	test("a report may change both sections at once, and what differs after it is told", () => {
		const { wire, shadows } = setup();
		const changes: string[] = [];
		shadows.onChanged = (id, { version }, changed, name) => { changes.push(`${id} ${name} ${version} ${changed}`); };
		assert.deepEqual(wire.send("lamp/shadow/report", { token: "a", reported: { on: false, level: 1 }, desired: { on: true, level: 1 } }), [
			'lamp/shadow/accepted {"token":"a","version":1}', 'lamp/shadow/delta {"version":1,"delta":{"on":true}}',
		]);
		assert.deepEqual(wire.send("lamp/shadow/report", { token: "b", reported: { level: 2 }, version: 1 }), [
			'lamp/shadow/accepted {"token":"b","version":2}', 'lamp/shadow/delta {"version":2,"delta":{"on":true,"level":1}}',
		]);
		assert.deepEqual(wire.send("lamp/shadow/report", { token: "c", desired: { level: null }, reported: { on: true } }), ['lamp/shadow/accepted {"token":"c","version":3}']);
		assert.deepEqual(changes, ["lamp  1 desired", "lamp  1 reported", "lamp  2 reported", "lamp  3 desired", "lamp  3 reported"]);
	});

	test("of two sections one that cannot be refuses both", () => {
		const { wire, shadows } = setup();
		for (const [message, code] of [
			[{ token: "t", reported: { a: 1 }, desired: [] }, 400], [{ token: "t", reported: { a: 1 }, desired: null }, 400],
			[{ token: "t" }, 400], [{ token: "t", reported: { a: 1 }, desired: { a: "x".repeat(8192) } }, 413],
			[{ token: "t", reported: { a: 1 }, desired: {}, version: 1 }, 409],
		] as const) {
			const [line = "", ...more] = wire.send("lamp/shadow/report", message);
			assert.ok(line.startsWith(`lamp/shadow/rejected {"token":"t","code":${code},"message":`) && more.length === 0, line);
		}
		assert.deepEqual(shadows.get("lamp"), { version: 0, desired: {}, reported: {} });
	});

	test("a document that is deleted is gone, and its successor goes on counting", () => {
		const { wire, shadows } = setup();
		shadows.desire("lamp", { on: true });
		wire.take();
		assert.match(wire.send("lamp/shadow/delete", { token: "a", version: 7 })[0]!, /rejected \{"token":"a","code":409/);
		assert.deepEqual(wire.send("lamp/shadow/delete", { token: "b", version: 1 }), ['lamp/shadow/deleted {"token":"b","version":2}']);
		assert.deepEqual([shadows.ids(), shadows.get("lamp")], [[], { version: 2, desired: {}, reported: {} }]);
		assert.match(wire.send("lamp/shadow/delete", { token: "c" })[0]!, /rejected \{"token":"c","code":404/);
		assert.deepEqual(wire.send("lamp/shadow/report", { token: "d", reported: { on: false } }), ['lamp/shadow/accepted {"token":"d","version":3}']);
		const changes: string[] = [];
		shadows.onChanged = (id, { version }, changed) => { changes.push(`${id} ${version} ${changed}`); };
		shadows.delete("lamp");
		shadows.delete("lamp");
		assert.deepEqual([wire.take(), changes], [['lamp/shadow/deleted {"version":4}'], ["lamp 4 deleted"]]);
	});

	test("a change that cannot be kept is refused, and nobody is told of it", () => {
		const store = new MemoryStore(), { wire, shadows } = setup({ store });
		store.failing = true;
		assert.throws(() => wire.send("lamp/shadow/report", { token: "a", reported: { a: 1 } }), /no room on the disk/);
		assert.deepEqual(wire.take(), ['lamp/shadow/rejected {"token":"a","code":500,"message":"internal error"}']);
		assert.throws(() => shadows.desire("lamp", { a: 1 }), { code: "internal" });
		assert.deepEqual([wire.take(), shadows.get("lamp").version, shadows.deadline], [[], 0, Infinity]);
	});
});

suite("Private cloud: what the broker retains", () => {
	test("documents are retained a second after the first of their changes, once each", () => {
		const { wire, shadows } = setup();
		let due = 0;
		shadows.onDue = () => { due++; };
		assert.equal(shadows.deadline, Infinity);
		shadows.desire("lamp", { level: 1 });
		wire.send("lamp/shadow/name/wifi/report", { reported: { channel: 6 } });
		assert.deepEqual([due, shadows.deadline], [1, 0]);
		shadows.expire(5_000);
		assert.deepEqual([wire.take(), shadows.deadline], [[], 6_000]);
		shadows.desire("lamp", { level: 2 });
		wire.take();
		shadows.expire(5_999);
		assert.deepEqual(wire.take(), []);
		shadows.expire(6_000);
		assert.deepEqual(wire.take(), [
			'lamp/shadow/document retained {"version":2,"desired":{"level":2},"reported":{}}',
			'lamp/shadow/name/wifi/document retained {"version":1,"desired":{},"reported":{"channel":6}}',
		]);
		assert.equal(shadows.deadline, Infinity);
	});

	test("what is asked for is answered at once, with the token and not retained", () => {
		const { wire, shadows } = setup();
		shadows.desire("lamp", { level: 1 });
		wire.take();
		assert.deepEqual(wire.send("lamp/shadow/get", { token: "t" }), ['lamp/shadow/document {"token":"t","version":1,"desired":{"level":1},"reported":{}}']);
	});

	test("a deleted document is retained no more", () => {
		const { wire, shadows } = setup();
		shadows.desire("lamp", { level: 1 });
		shadows.expire(0);
		shadows.expire(1_000);
		shadows.delete("lamp");
		wire.take();
		shadows.expire(2_000);
		shadows.expire(3_000);
		assert.deepEqual([wire.take(), wire.retained.size], [["lamp/shadow/document retained nothing"], 0]);
	});

	test("a broker that comes back, or is new, is given everything; in portions", () => {
		const { wire, shadows } = setup();
		for (let index = 0; index < 150; index++) shadows.desire(`d${index}`, { level: index });
		shadows.expire(0);
		shadows.expire(1_000);
		assert.deepEqual([wire.retained.size, shadows.deadline], [100, 1_100]);
		shadows.expire(1_100);
		assert.deepEqual([wire.retained.size, shadows.deadline], [150, Infinity]);
		wire.reset();
		const other = new Wire();
		shadows.attach(other);
		for (const now of [2_000, 3_000, 3_100]) shadows.expire(now);
		assert.deepEqual([wire.retained.size, other.retained.size], [150, 150]);
	});

	test("a cloud that starts again has what it had, and gives it to the broker", () => {
		const store = new MemoryStore(), first = setup({ store });
		first.shadows.desire("lamp", { on: true });
		first.wire.send("lamp/shadow/report", { reported: { on: false } });
		first.wire.send("lamp/shadow/name/wifi/report", { reported: { channel: 6 } });
		first.shadows.desire("gone", { on: true });
		first.shadows.delete("gone");
		const { wire, shadows } = setup({ store });
		assert.deepEqual([shadows.ids(), shadows.get("lamp"), shadows.get("gone").version], [["lamp"], { version: 2, desired: { on: true }, reported: { on: false } }, 2]);
		shadows.expire(0);
		shadows.expire(1_000);
		assert.deepEqual(wire.take().sort(), [
			"gone/shadow/document retained nothing",
			'lamp/shadow/document retained {"version":2,"desired":{"on":true},"reported":{"on":false}}',
			'lamp/shadow/name/wifi/document retained {"version":1,"desired":{},"reported":{"channel":6}}',
		]);
	});
});

suite("Private cloud: how a device is spoken to", () => {
	test("in CBOR where its status says so, and requests are taken in either format", () => {
		const { wire, shadows } = setup();
		wire.send("lamp/status", online({ format: "cbor" }));
		assert.deepEqual(wire.send("lamp/shadow/report", { token: "a", reported: { on: false, level: 1.5, names: ["é", null] } }, { format: "cbor" }), ['lamp/shadow/accepted (cbor) {"token":"a","version":1}']);
		assert.deepEqual(wire.send("lamp/shadow/get", { token: "b" }), ['lamp/shadow/document (cbor) {"token":"b","version":1,"desired":{},"reported":{"on":false,"level":1.5,"names":["é",null]}}']);
		shadows.desire("lamp", { on: true });
		assert.deepEqual(wire.take(), ['lamp/shadow/delta (cbor) {"version":2,"delta":{"on":true}}']);
		assert.deepEqual(wire.send("other/shadow/get", { token: "c" }, { format: "cbor" }), ['other/shadow/document {"token":"c","version":0,"desired":{},"reported":{}}']);
		shadows.expire(0);
		shadows.expire(1_000);
		assert.match(wire.take()[0]!, /^lamp\/shadow\/document retained \(cbor\) /);
	});

	test("what CBOR says and JSON cannot is refused", () => {
		const { wire, shadows } = setup();
		const refused: [string, Uint8Array][] = [
			["bytes", Uint8Array.of(0xa1, 0x68, ...Buffer.from("reported"), 0xa1, 0x61, 0x61, 0x41, 0x00)],
			["bytes in a list", Uint8Array.of(0xa1, 0x68, ...Buffer.from("reported"), 0xa1, 0x61, 0x61, 0x81, 0x41, 0x00)],
			["undefined", Uint8Array.of(0xa1, 0x68, ...Buffer.from("reported"), 0xa1, 0x61, 0x61, 0xf7)],
			["infinity", Uint8Array.of(0xa1, 0x68, ...Buffer.from("reported"), 0xa1, 0x61, 0x61, 0xf9, 0x7c, 0x00)],
			["a key that is a number", Uint8Array.of(0xa1, 0x01, 0x01)],
			["an end in the middle", Uint8Array.of(0xa1, 0x61)],
			["more behind it", Uint8Array.of(0xa0, 0xa0)],
			["a list", Uint8Array.of(0x80)],
		];
		for (const [name, payload] of refused) assert.match(wire.send("lamp/shadow/report", payload)[0] ?? "", /rejected \{"code":400,/, name);
		assert.equal(shadows.get("lamp").version, 0);
	});

	test("with the times of what is desired where its status asks for them", () => {
		let wall = 1_700_000_000_999;
		const { wire, shadows } = setup({ wall: () => wall });
		shadows.desire("lamp", { on: true, color: { r: 1, g: 2 }, list: [1, { a: 2 }] });
		assert.deepEqual(wire.take(), ['lamp/shadow/delta {"version":1,"delta":{"on":true,"color":{"r":1,"g":2},"list":[1,{"a":2}]}}']);
		wire.send("lamp/status", online({ times: true }));
		wall += 60_000;
		shadows.desire("lamp", { color: { g: 3 }, list: null, timestamp: { timestamp: 7 } });
		const [then, now] = ['{"timestamp":1700000000}', '{"timestamp":1700000060}'];
		assert.deepEqual(wire.take(), [
			`lamp/shadow/delta {"version":2,"delta":{"on":true,"color":{"r":1,"g":3},"timestamp":{"timestamp":7}},`
			+ `"metadata":{"on":${then},"color":{"r":${then},"g":${now}},"timestamp":{"timestamp":${now}}}}`,
		]);
		wall += 60_000;
		shadows.desire("lamp", { color: 5, on: { deep: true }, timestamp: null });
		assert.deepEqual(wire.take(), [
			`lamp/shadow/delta {"version":3,"delta":{"on":{"deep":true},"color":5},"metadata":{"on":{"deep":{"timestamp":1700000120}},"color":{"timestamp":1700000120}}}`,
		]);
		assert.deepEqual(wire.send("lamp/shadow/report", { token: "t", reported: { color: 5 } }), [
			'lamp/shadow/accepted {"token":"t","version":4}',
			`lamp/shadow/delta {"version":4,"delta":{"on":{"deep":true}},"metadata":{"on":{"deep":{"timestamp":1700000120}}}}`,
		]);
		assert.match(wire.send("lamp/shadow/get", {})[0]!, /"metadata":\{"on":\{"deep":\{"timestamp":1700000120\}\},"color":\{"timestamp":1700000120\}\}\}$/);
	});

	test("a device that wants it otherwise gets its documents anew; going offline changes nothing", () => {
		const { wire, shadows } = setup();
		shadows.desire("lamp", { on: true });
		shadows.desire("other", { on: true });
		shadows.expire(0);
		shadows.expire(1_000);
		wire.take();
		const wishes: readonly [status: object | string, retained: number][] = [
			[online(), 0], [online({ format: "cbor" }), 1], [online({ format: "cbor" }), 0], [{ online: false }, 0], ["{", 0], ["[]", 0], [{ format: "json" }, 0],
			[online({ format: "xml" }), 1], [online({ times: 1 }), 0], [online({ times: true }), 1], [online(), 1],
		];
		for (const [status, retained] of wishes) {
			wire.send("lamp/status", status);
			shadows.expire(10_000);
			shadows.expire(11_000);
			const lines = wire.take();
			assert.equal(lines.length, retained, JSON.stringify(status));
			if (retained > 0) assert.match(lines[0]!, /^lamp\/shadow\/document retained /);
		}
	});

	test("a member of the status that is inherited says nothing", () => {
		const { wire, shadows } = setup();
		wire.send("lamp/status", '{"online":true,"__proto__":{"format":"cbor","times":true}}');
		shadows.desire("lamp", { on: true } satisfies JsonObject);
		assert.deepEqual(wire.take(), ['lamp/shadow/delta {"version":1,"delta":{"on":true}}']);
	});
});
