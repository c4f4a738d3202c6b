// SPDX-License-Identifier: Apache-2.0
/** What the system part of a host promises. `restart` ends a device, so each platform tests it in its own way. */
import assert from "node:assert/strict";
import { RETAINED_LENGTH } from "../../../src/host.js";
import type { HostPromise } from "../bench.js";

export const systemPromises: readonly HostPromise[] = [{
	name: "the identifier is printable, not empty, and the same after a restart",
	run({ host, platform }) {
		const { identifier } = host.system;
		assert.match(identifier, /^[\x21-\x7e]{1,64}$/);
		assert.equal(host.system.identifier, identifier);
		assert.equal(platform.reboot().system.identifier, identifier);
	},
}, {
	name: "the reason of the reset is one of the list",
	run({ host }) {
		assert(["power-on", "software", "watchdog", "exception", "brownout", "deep-sleep", "unknown"].includes(host.system.resetReason));
	},
}, {
	name: "heap tells slots and chunks in bytes, or nothing",
	run({ host }) {
		const heap = host.system.heap();
		assert(heap === undefined || heap.slots > 0 && heap.chunks > 0);
	},
}, {
	name: "after a start that no crash preceded none is told",
	run({ host, platform }) {
		assert.equal(host.system.crash, undefined);
		assert.equal(platform.reboot().system.crash, undefined);
	},
}, {
	name: "what is retained is there after a reset, or there is none",
	run({ host, platform }) {
		const { retained } = host.system;
		if (retained === undefined) return;
		assert.equal(retained.byteLength, RETAINED_LENGTH);
		assert.equal(host.system.retained, retained);
		// Written as its owners do: bytes here and there, a copy, a whole.
		retained.fill(0x55).set([1, 2, 3, 0xff], RETAINED_LENGTH - 4);
		retained[0] = 9;
		retained.copyWithin(8, 0, 1);
		const expected = retained.slice(), after = platform.reboot().system.retained;
		assert.deepEqual([...after!.subarray(0, 9)], [9, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 9]);
		assert.deepEqual(after, expected);
	},
}, {
	name: "the host has one of the four names",
	run({ host }) {
		assert(["moddable", "node", "world", "xs"].includes(host.name));
	},
}, {
	name: "trace takes a line",
	run({ host }) {
		host.trace("a line for the developer");
	},
}];
