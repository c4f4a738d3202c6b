// SPDX-License-Identifier: Apache-2.0
/** What key-value storage promises. */
import assert from "node:assert/strict";
import type { StorageDomain } from "../../../src/host.js";
import { pattern, refuses, type Bench, type HostPromise } from "../bench.js";

const DOMAIN = "promises";

/** An empty domain. */
function open(bench: Bench, path = DOMAIN): StorageDomain {
	const domain = bench.host.storage.open({ path });
	for (const key of domain.keys()) domain.delete(key);
	bench.defer(() => domain.close());
	return domain;
}

function bytes(...values: number[]): Uint8Array {
	return new Uint8Array(values);
}

export const storagePromises: readonly HostPromise[] = [{
	name: "a key that was never written is undefined",
	run(bench) {
		assert.equal(open(bench).read("absent"), undefined);
	},
}, {
	name: "what is written is read, and the last write counts",
	run(bench) {
		const domain = open(bench);
		domain.write("key", bytes(1, 2, 3));
		assert.deepEqual(domain.read("key"), bytes(1, 2, 3));
		domain.write("key", bytes(4));
		assert.deepEqual(domain.read("key"), bytes(4));
	},
}, {
	name: "a value is a copy on its way in and on its way out",
	run(bench) {
		const domain = open(bench);
		const value = bytes(1, 2, 3);
		domain.write("key", value);
		value.fill(9);
		domain.read("key")!.fill(8);
		assert.deepEqual(domain.read("key"), bytes(1, 2, 3));
	},
}, {
	name: "write takes the bytes of a view and not those around it",
	run(bench) {
		const domain = open(bench);
		domain.write("key", pattern(30).subarray(10, 20));
		assert.deepEqual(domain.read("key"), pattern(30).slice(10, 20));
	},
}, {
	name: "an empty value is a value",
	run(bench) {
		const domain = open(bench);
		domain.write("key", bytes());
		assert.deepEqual(domain.read("key"), bytes());
		assert.deepEqual(domain.keys(), ["key"]);
	},
}, {
	name: "a value as long as a certificate is kept",
	run(bench) {
		const domain = open(bench);
		domain.write("key", pattern(2_048));
		assert.deepEqual(domain.read("key"), pattern(2_048));
	},
}, {
	name: "a value that no device could keep is refused with full, and the old one stays",
	run(bench) {
		const domain = open(bench);
		domain.write("key", bytes(1));
		refuses("full", () => domain.write("key", new Uint8Array(2 ** 20)));
		assert.deepEqual(domain.read("key"), bytes(1));
	},
}, {
	name: "a deleted key is gone, and deleting what is not there is no error",
	run(bench) {
		const domain = open(bench);
		domain.write("key", bytes(1));
		domain.delete("key");
		domain.delete("key");
		assert.equal(domain.read("key"), undefined);
		assert.deepEqual(domain.keys(), []);
	},
}, {
	name: "keys lists each key once",
	run(bench) {
		const domain = open(bench);
		for (const key of ["b", "a", "b", "c"]) domain.write(key, bytes(1));
		domain.delete("c");
		assert.deepEqual(domain.keys().sort(), ["a", "b"]);
	},
}, {
	name: "every key of 1-15 printable ASCII characters is its own, whatever the platform makes of it",
	run(bench) {
		const domain = open(bench);
		const keys = [".", "..", "/", "../up", "a/b", "a\\b", "con", "nul.txt", "a", "A", "%41", "%", " ", "  ", "a ", "~", "123456789012345"];
		for (let code = 0x20; code < 0x7f; code++) keys.push(`=${String.fromCharCode(code)}`);
		keys.forEach((key, index) => domain.write(key, bytes(index)));
		keys.forEach((key, index) => assert.deepEqual(domain.read(key), bytes(index), JSON.stringify(key)));
		assert.deepEqual(domain.keys().sort(), keys.sort());
	},
}, {
	name: "any other key is refused with argument",
	run(bench) {
		const domain = open(bench);
		for (const key of ["", "1234567890123456", "ä", "a\n", "a\0", "\x7f", undefined, 1]) {
			refuses("argument", () => domain.write(key as string, bytes(1)), `write ${String(key)}`);
			refuses("argument", () => domain.read(key as string), `read ${String(key)}`);
			refuses("argument", () => domain.delete(key as string), `delete ${String(key)}`);
		}
	},
}, {
	name: "a value that is no Uint8Array is refused with argument",
	run(bench) {
		const domain = open(bench);
		for (const value of ["text", undefined, [1], new ArrayBuffer(1)]) refuses("argument", () => domain.write("key", value as never));
	},
}, {
	name: "domains are apart, also those whose names differ in case alone",
	run(bench) {
		const [first, second, third] = [open(bench, "first"), open(bench, "second"), open(bench, "First")];
		first.write("key", bytes(1));
		third.write("key", bytes(3));
		assert.equal(second.read("key"), undefined);
		assert.deepEqual(second.keys(), []);
		assert.deepEqual(first.read("key"), bytes(1));
	},
}, {
	name: "two openings of a domain are one domain",
	run(bench) {
		const first = open(bench);
		const second = bench.host.storage.open({ path: DOMAIN });
		bench.defer(() => second.close());
		first.write("key", bytes(1));
		assert.deepEqual(second.read("key"), bytes(1));
	},
}, {
	name: "what is written survives a restart, and so does what is deleted",
	run(bench) {
		const domain = open(bench);
		domain.write("kept", bytes(1));
		domain.write("gone", bytes(2));
		domain.delete("gone");
		const after = bench.platform.reboot().storage.open({ path: DOMAIN });
		assert.deepEqual(after.keys(), ["kept"]);
		assert.deepEqual(after.read("kept"), bytes(1));
		after.close();
	},
}, {
	name: "after close everything but close is refused with state",
	run(bench) {
		const domain = open(bench, "closed");
		domain.close();
		domain.close();
		const again = bench.host.storage.open({ path: "closed" });
		again.close();
		refuses("state", () => again.read("key"));
		refuses("state", () => again.write("key", bytes(1)));
		refuses("state", () => again.delete("key"));
		refuses("state", () => again.keys());
	},
}];
