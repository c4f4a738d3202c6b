// SPDX-License-Identifier: Apache-2.0
/** What TCP promises beyond what every stream does. */
import assert from "node:assert/strict";
import { refuses, tcpLink, type HostPromise } from "../bench.js";

export const tcpPromises: readonly HostPromise[] = [{
	name: "the constructor refuses what is no IP address literal with argument",
	run({ host }) {
		for (const address of ["localhost", "", "1.2.3", "256.1.1.1", "1.2.3.4:80", "::g", undefined, 7]) {
			refuses("argument", () => new host.tcp.io({ address: address as string, port: 80 }), String(address));
		}
	},
}, {
	name: "the constructor refuses what is no port with argument",
	run({ host }) {
		for (const port of [0, -1, 65_536, 1.5, NaN, undefined, "80"]) {
			refuses("argument", () => new host.tcp.io({ address: "127.0.0.1", port: port as number }), String(port));
		}
	},
}, {
	name: "the constructor refuses a callback that is no function with argument",
	run({ host }) {
		for (const name of ["onReadable", "onWritable", "onError"]) {
			refuses("argument", () => new host.tcp.io({ address: "127.0.0.1", port: 80, [name]: 1 }), name);
		}
	},
}, {
	name: "a refused connection is one onError with unreachable and nothing else",
	async run(bench) {
		const probe = bench.open(tcpLink, await bench.wait(bench.platform.closedPort()));
		assert.equal((await bench.wait(probe.failed())).code, "unreachable");
		await bench.quiet();
		assert.deepEqual(probe.events, ["error"]);
	},
}, {
	name: "write after a refused connection is refused with state",
	async run(bench) {
		const probe = bench.open(tcpLink, await bench.wait(bench.platform.closedPort()));
		await bench.wait(probe.failed());
		refuses("state", () => probe.write(new Uint8Array(1)));
	},
}, {
	name: "nodelay is taken",
	async run(bench) {
		const listener = await bench.listen(tcpLink);
		const probe = bench.probe(callbacks => new bench.host.tcp.io({ address: listener.address, port: listener.port, nodelay: true, ...callbacks }));
		await bench.wait(probe.connected());
	},
}];
