// SPDX-License-Identifier: Apache-2.0
/** What the system part of a host promises. `restart` ends a device, so each platform tests it in its own way. */
import assert from "node:assert/strict";
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
