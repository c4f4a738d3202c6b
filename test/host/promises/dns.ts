// SPDX-License-Identifier: Apache-2.0
/** What a resolver promises. */
import assert from "node:assert/strict";
import type { DeviceError } from "../../../src/base/error.js";
import type { Resolver } from "../../../src/host.js";
import { refuses, type Bench, type HostPromise } from "../bench.js";

function open(bench: Bench): Resolver {
	const dns = new bench.host.dns.io();
	bench.defer(() => dns.close());
	return dns;
}

/** Resolves with what the resolver said: host and address, or the error. */
function ask(bench: Bench, dns: Resolver, host: string): Promise<[string, string] | DeviceError> {
	return bench.wait(new Promise((resolve, reject) => {
		let inside = true;
		const answer = (value: [string, string] | DeviceError) => inside ? reject(new Error("a callback from inside resolve")) : resolve(value);
		dns.resolve({ host, onResolved: (name, address) => answer([name, address]), onError: answer });
		inside = false;
	}));
}

export const dnsPromises: readonly HostPromise[] = [{
	name: "a known name is told with its address, not from inside the call",
	async run(bench) {
		const { known, address } = bench.platform.names;
		assert.deepEqual(await ask(bench, open(bench), known), [known, address]);
	},
}, {
	name: "an address literal is its own answer, not from inside the call",
	async run(bench) {
		assert.deepEqual(await ask(bench, open(bench), "127.0.0.1"), ["127.0.0.1", "127.0.0.1"]);
	},
}, {
	name: "an unknown name is one onError with unreachable",
	async run(bench) {
		const answer = await ask(bench, open(bench), bench.platform.names.unknown);
		assert("code" in answer);
		assert.equal(answer.code, "unreachable");
	},
}, {
	name: "several questions at once are each answered",
	async run(bench) {
		const { known, address } = bench.platform.names;
		const dns = open(bench);
		const answers = await bench.wait(Promise.all([ask(bench, dns, known), ask(bench, dns, "127.0.0.9"), ask(bench, dns, known)]));
		assert.deepEqual(answers, [[known, address], ["127.0.0.9", "127.0.0.9"], [known, address]]);
	},
}, {
	name: "close drops what is under way, and may be called twice",
	async run(bench) {
		const dns = open(bench);
		for (const host of [bench.platform.names.known, "127.0.0.1"]) {
			dns.resolve({ host, onResolved: () => assert.fail("onResolved after close"), onError: () => assert.fail("onError after close") });
		}
		dns.close();
		dns.close();
		await bench.quiet();
	},
}, {
	name: "resolve refuses an empty name and what is no function with argument",
	run(bench) {
		const dns = open(bench);
		const silent = { onResolved() {}, onError() {} };
		refuses("argument", () => dns.resolve({ host: "", ...silent }));
		refuses("argument", () => dns.resolve({ host: undefined as never, ...silent }));
		refuses("argument", () => dns.resolve({ host: "127.0.0.1", ...silent, onResolved: 1 as never }));
	},
}];
