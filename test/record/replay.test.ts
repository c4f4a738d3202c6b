// SPDX-License-Identifier: Apache-2.0
/** A small program for each feature that is awkward to replay: recorded on Node, and run again to the same end. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { DeviceError } from "../../src/base/error.js";
import { Recording, replay } from "../../hosts/record/index.js";
import { encodeParameters } from "../../src/oscore/parameters.js";
import { text } from "../../hosts/world/text.js";
import { assertSecret } from "../secrets.js";
import { again, catching, take, type Taken } from "./take.js";

/** Replays to the same fingerprint, and to a state that is complete. */
async function assertReplays(taken: Taken): Promise<void> {
	const { fingerprint, state } = await again(taken);
	assert.equal(fingerprint, new Recording(taken.bytes).summarize().fingerprint);
	assert.ok(state!.length > 0);
}

const host = "const host = moorlineHost;";

test("timers that fire, repeat and are cleared, and promises between them", async () => {
	const taken = await take(`${host}
		let count = 0;
		const never = host.timer.set(() => host.trace("never"), 5);
		host.timer.clear(undefined);
		const handle = host.timer.repeat(() => {
			host.trace("tick " + ++count + " " + (host.time.now() - start));
			if (count === 2) host.timer.clear(never);
			if (count < 3) return;
			host.timer.clear(handle);
			Promise.resolve().then(() => host.trace("then")).then(() => { host.timer.set(() => host.trace("done"), 0); });
			host.trace("last");
		}, 1);
		const start = host.time.now();
		host.trace("wall " + host.time.wall());
	`);
	assert.deepEqual(taken.traces.slice(-3), ["last", "then", "done"]);
	await assertReplays(taken);
});

test("what a platform tells of in one turn is told in one turn: promises are settled when they were", async () => {
	const program = `${host}
		for (const name of ["one", "two", "three"]) host.timer.set(() => {
			host.trace(name);
			Promise.resolve().then(() => { host.trace("then " + name); if (name === "three") host.trace("done"); });
		}, 1);
	`;
	const together = await take(program, {
		wrap(platform) {
			const waiting: (() => void)[] = [];
			return { ...platform, timer: { ...platform.timer, set(callback) {
				if (waiting.push(callback) === 1) setImmediate(() => { for (const each of waiting) each(); });
				return {};
			} } };
		},
	});
	const order = ["one", "two", "three", "then one", "then two", "then three", "done"];
	assert.deepEqual(together.traces, order);
	await assertReplays(together);
	const apart = await take(program);
	assert.notDeepEqual(apart.traces, order);
	await assertReplays(apart);
});

test("storage and flash: what was there before, what is changed, and what is refused", async () => {
	const taken = await take(`${host}
		const domain = host.storage.open({ path: "things" });
		host.trace(domain.keys().join() + " " + domain.read("old").length + " " + domain.read("none"));
		domain.write("new", Uint8Array.of(1, 2, 3));
		domain.delete("old");
		for (const [key, value] of [["", []], ["long", new Uint8Array(20000)]]) {
			try { domain.write(key, value); } catch (error) { host.trace(error.name + " " + error.code + " " + error.message); }
		}
		domain.close();
		try { domain.read("new"); } catch (error) { host.trace(error.code); }
		const flash = host.flash.open({ path: "session" }), cells = new Uint8Array(8);
		flash.read(cells, 4094);
		host.trace(cells.join());
		flash.eraseBlock(1);
		flash.write(Uint8Array.of(0xf0, 0x0f), 4095);
		flash.read(cells, 4090);
		host.trace(cells.join());
		try { flash.write(cells, flash.size); } catch (error) { host.trace(error.code + error.message); }
		try { host.flash.open({ path: "none" }); } catch (error) { host.trace(error.code); }
		flash.close();
		host.trace("done");
	`, {
		prepare({ storage, flash }) {
			const domain = storage.open({ path: "things" }), partition = flash.open({ path: "session" });
			domain.write("old", new Uint8Array(100));
			partition.write(new Uint8Array(5), 4093);
			partition.close();
			domain.close();
		},
	});
	assert.equal(taken.traces.at(-2), "argument");
	await assertReplays(taken);
	const { state } = await replay({ recording: new Recording(taken.bytes) });
	assert.deepEqual(state!.map(([name]) => name), ["storage identity", "storage things", "flash session"]);
});

test("sockets: a stream both ways until its end, datagrams with their senders, names, and what cannot be reached", async context => {
	const server = createServer(socket => { socket.write("hello"); socket.on("data", bytes => { socket.end(bytes); }); }).listen(0, "127.0.0.1");
	const echo = createSocket("udp4", (bytes, { port, address }) => { echo.send(bytes, port, address); }).bind(0, "127.0.0.1");
	context.after(() => { server.close(); echo.close(); });
	await Promise.all([once(server, "listening"), once(echo, "listening")]);
	const { port } = server.address() as AddressInfo;
	const taken = await take(`${host}
		const socket = new host.udp.io({ onReadable(count) {
			const bytes = new Uint8Array(3), remote = {};
			host.trace("datagram " + socket.read(bytes, remote) + " " + bytes + " " + remote.address + " " + remote.port + " " + socket.read(bytes));
			socket.close();
			stream();
		} });
		socket.write(Uint8Array.of(1, 2, 3, 4), "127.0.0.1", ${echo.address().port});
		host.trace("port " + socket.port);
		function stream() {
			let said = false;
			const stream = new host.tcp.io({ address: "127.0.0.1", port: ${port},
				onWritable(count) { if (!said) host.trace("room after " + stream.write(new Uint8Array(10))); said = true; },
				onReadable(count) { const bytes = new Uint8Array(count); stream.read(bytes); host.trace("read " + bytes); },
				onError(error) { stream.close(); host.trace(error.name + " " + error.code + " " + error.message); names(); },
			});
			try { stream.write(new Uint8Array(1)); } catch (error) { host.trace(error.code); }
		}
		function names() {
			const dns = new host.dns.io();
			dns.resolve({ host: "127.0.0.1", onError() {}, onResolved(name, address) {
				host.trace(name + " is " + address);
				dns.close();
				new host.tcp.io({ address, port: 1, onError(error) { host.trace(error.code); host.trace("done"); } });
			} });
		}
		try { new host.tcp.io({ address: "nowhere", port: 1 }); } catch (error) { host.trace(error.code); }
	`);
	assert.equal(taken.traces.at(-2), "unreachable");
	await assertReplays(taken);
});

test("keys that are made, sign and verify; random bytes; digests; seals", async () => {
	const taken = await take(`${host}
		const bytes = new Uint8Array(16), hash = host.crypto.digest("SHA-256");
		host.random(bytes);
		const many = new Uint8Array(300000);
		host.random(many);
		host.trace(many.subarray(299000).join());
		try { host.random("none"); } catch (error) { host.trace(error.code); }
		hash.update(bytes);
		host.trace(hash.digest().join());
		const options = { key: bytes, nonce: new Uint8Array(13), additional: new Uint8Array(1), tagLength: 8 };
		const sealed = host.crypto.seal({ ...options, bytes: Uint8Array.of(1, 2) });
		host.trace(host.crypto.open({ ...options, bytes: sealed }) + " " + host.crypto.open({ ...options, bytes: new Uint8Array(12) }));
		host.keys.generate({ type: "P-256", onError(error) { host.trace(error.message); }, onKey(key, publicKey) {
			const domain = host.storage.open({ path: "keys" });
			domain.write("mine", key);
			domain.close();
			host.trace("a key of " + key.length + " bytes");
			const copy = "-----BEGIN PRIVATE KEY-----\\n" + key.join();
			host.keys.sign({ key, bytes, onError() {}, onSignature(signature) {
				host.trace("signed with " + signature.join());
				const none = { key: publicKey.slice(-65), bytes, signature: new Uint8Array(64), onError() {}, onVerified(isValid) { host.trace(String(isValid)); host.trace("done"); } };
				host.keys.verify(none);
			} });
		} });
	`);
	assert.equal(taken.traces.at(-2), "false");
	await assertReplays(taken);
});

test("a program that restarts its device finds everything again, also what it took for a secret", async () => {
	const masterSecret = new Uint8Array(16).map((_, index) => index * 13 + 1), none = new Uint8Array(0);
	const taken = await take(`${host}
		const boots = host.storage.open({ path: "boots" }), count = (boots.read("count")?.[0] ?? 0) + 1;
		boots.write("count", Uint8Array.of(count));
		host.trace("boot " + count + " " + host.system.resetReason + " " + host.system.identifier + " " + host.system.heap());
		const identity = host.storage.open({ path: "identity" }), hash = host.crypto.digest("SHA-256");
		hash.update(identity.read("oscore").subarray(3, 19));
		boots.write("derived", hash.digest());
		if (count < 3) { try { host.system.restart(); } finally { host.trace("unwinding " + count); } }
		host.trace("done");
	`, {
		prepare({ storage }) {
			const identity = storage.open({ path: "identity" });
			identity.write("oscore", encodeParameters(text, {
				masterSecret, masterSalt: none, senderId: Uint8Array.of(1), recipientId: none, idContext: undefined, renews: false,
			}));
			identity.close();
		},
	});
	assert.equal(taken.traces.filter(line => line.startsWith("boot")).length, 3);
	assertSecret(masterSecret, { recording: taken.bytes });
	const recording = new Recording(taken.bytes), { boots, fingerprint } = await replay({ recording });
	assert.equal(boots, 3);
	assert.equal(fingerprint, recording.summarize().fingerprint);
});

test("memory that a reset leaves is there again, and what is written to it without a call is compared at the end", async () => {
	const taken = await take(`${host}
		const memory = host.system.retained, first = memory[0];
		if (host.system.resetReason === "power-on") { memory.fill(0); memory.set([7, 8, 9], 100); host.system.restart(); }
		host.trace(memory.length + " " + memory.subarray(99, 104) + " " + (memory === host.system.retained));
		memory[100]++;
		host.trace("done");
	`);
	assert.deepEqual(taken.traces, ["4096 0,7,8,9,0 true", "done"]);
	await assertReplays(taken);
	const { state } = await replay({ recording: new Recording(taken.bytes) });
	assert.deepEqual(state!.map(([name]) => name), ["storage identity", "retained memory"]);
});

test("a program that dies of an exception dies of it again", async () => {
	const taken = await take(`${host} host.timer.set(() => { host.trace("soon"); throw new TypeError("no such lamp"); }, 1);`, { wrap: catching });
	await assertReplays(taken);
	await assert.rejects(again(taken, `${host} host.timer.set(() => { host.trace("soon"); throw new TypeError("another lamp"); }, 1);`), {
		code: "rejected", message: /expected crash, but the program did another crash: TypeError: another lamp$/,
	});
	await assert.rejects(again(taken, `${host} host.timer.set(() => { host.trace("soon"); }, 1);`), { code: "rejected", message: /expected crash, but the program did nothing$/ });
});

test("a changed program is told where it leaves the recording", async () => {
	const taken = await take(`${host} host.timer.set(() => { host.trace("one"); host.time.now(); host.trace("done"); }, 1);`);
	const replayed = (program: string): Promise<unknown> => replay({ recording: new Recording(taken.bytes), program: host + program });
	await replayed(`host.timer.set(() => { host.trace("one"); host.time.now(); host.trace("done"); }, 1); // the same`);
	const cases: [program: string, message: RegExp][] = [
		[`host.timer.set(() => { host.trace("two"); }, 1);`, /at record 5: expected another trace, but the program did trace \(two\)$/],
		[`host.timer.set(() => { host.trace("one"); host.trace("done"); }, 1);`, /at record 5: expected time\.now, but the program did trace \(done\)$/],
		[`host.timer.set(() => { try { host.time.wall(); } catch {} for (;;) host.trace("on"); }, 1);`, /expected trace, but the program did time\.wall$/],
		[`host.timer.set(() => { host.trace("one"); }, 1);`, /expected time\.now, but the program did nothing$/],
		[`host.timer.set(() => {}, 2);`, /expected another timer\.set/],
		[`host.timer.repeat(() => {}, 1);`, /expected timer\.set, but the program did timer\.repeat/],
		["", /expected timer\.set, but the program did nothing$/],
		["throw new Error('early');", /but the program did a crash: Error: early$/],
	];
	for (const [program, message] of cases) {
		await assert.rejects(replayed(program), (error: DeviceError) => {
			assert.equal(error.code, "rejected");
			assert.match(error.message, message);
			return true;
		}, program);
	}
});
