// SPDX-License-Identifier: Apache-2.0
/**
 * What is measured, as programs for the engine. Each prints lines `#budget <row> <slots> <bytes of chunks> <stack>`.
 *
 * `live` rows count what a thing keeps after a collection, `garbage` rows what one operation allocates
 * with the collector switched off: both are exact, and the same in every run.
 */

/** Puts the figures at hand. `native.js` is where the host's functions are. */
function prelude(nativeModule: string): string {
	return `
		import host from "moorline/host";
		import { native, Figure } from ${JSON.stringify(nativeModule)};
		const say = (row, slots, chunks, stack = 0) => native.trace("#budget " + row + "\\t" + slots + "\\t" + chunks + "\\t" + stack);
		const figures = { slots: 0, chunks: 0 };
		// The engine frees what no function refers to any more, the measuring functions too: those are to stay.
		const keep = (...values) => { globalThis.kept = [values, begin, beginGarbage, end, endGarbage, say, figures]; };
		const begin = () => {
			native.collect();
			figures.slots = native.figure(Figure.slots);
			figures.chunks = native.figure(Figure.chunks);
		};
		const beginGarbage = () => {
			begin();
			native.collector(false);
			native.resetPeaks();
		};
		const end = (row, withStack) => {
			native.collect();
			const slots = native.figure(Figure.slots) - figures.slots, chunks = native.figure(Figure.chunks) - figures.chunks;
			say(row, slots, chunks, withStack ? native.figure(Figure.stackPeak) : 0);
		};
		const endGarbage = (row, withStack) => {
			const slots = native.figure(Figure.slots) - figures.slots, chunks = native.figure(Figure.chunks) - figures.chunks;
			native.collector(true);
			say(row, slots, chunks, withStack ? native.figure(Figure.stackPeak) : 0);
		};
	`;
}

/** An empty program, and the parts of the host. Argument 0: the port of a TCP server that sends back what comes. */
export function hostRows(nativeModule: string): string {
	return `${prelude(nativeModule)}
		native.collect();
		say("empty program and this measurement", native.figure(Figure.slots), native.figure(Figure.chunks));
		const kept = { last: undefined };
		const live = (row, make) => { begin(); kept.last = make(); end(row); kept.last = undefined; };
		const garbage = (row, action) => { action(); beginGarbage(); action(); endGarbage(row); };
		const bytes = new Uint8Array(64), short = bytes.subarray(0, 36), line = "site/12/line/3/sensor/5/temperature.";
		const nothing = () => {}, udpOptions = { onReadable: nothing };
		const path = { path: "state" };
		live("live: nothing", () => 0);
		live("live: a timer", () => host.timer.set(nothing, 1));
		live("live: a UDP socket", () => kept.udp = new host.udp.io(udpOptions));
		live("live: a resolver", () => new host.dns.io());
		live("live: a storage domain", () => host.storage.open(path));
		live("live: a flash partition", () => host.flash.open(path));
		live("live: a SHA-256 under way", () => host.crypto.digest("SHA-256"));
		garbage("garbage: nothing", nothing);
		garbage("garbage: text.encode of 36 bytes", () => { host.text.encode(line, bytes, 0); });
		garbage("garbage: text.decode of 36 bytes", () => { host.text.decode(bytes, 0, 36); });
		garbage("garbage: text.byteLength", () => { host.text.byteLength(line); });
		garbage("garbage: time.now and time.wall", () => { host.time.now(); host.time.wall(); });
		kept.udp.close();
		let step = 0;
		const options = {
			address: "127.0.0.1",
			port: Number(native.argument(0)),
			onWritable() {
				if (step++ > 0) return;
				end("live: a TCP stream, connected");
				garbage("garbage: write of 36 bytes", () => { kept.last.write(short); });
			},
			onReadable(count) {
				if (count < 72) return;
				garbage("garbage: read of 36 bytes", () => { kept.last.read(short); });
				kept.last.close();
			},
		};
		// In a turn of its own: what the start of a program leaves behind must not be counted.
		function start() {
			begin();
			kept.last = new host.tcp.io(options);
		}
		keep(options, start, live, garbage);
		host.timer.set(start, 1);
	`;
}

/** The lamp's life. It says \`#ready\` when the parent is to desire something. */
export function lampRows(nativeModule: string): string {
	return `${prelude(nativeModule)}
		import { Device } from "moorline";
		import { privateCloud } from "moorline/clouds/private";
		const lamp = { on: false, brightness: 100 };
		const QUIET_MS = 100;
		let syncs = 0, device;
		const options = {
			host,
			cloud: privateCloud(),
			firmware: { product: "lamp", version: "1.0.0" },
			onConnected() { device.report(lamp); },
			onDelta(delta) {
				for (const member of ["on", "brightness"]) if (delta[member] !== undefined) lamp[member] = delta[member];
				device.report(delta);
			},
			onSync() {
				syncs++;
				if (syncs < 3) host.timer.set(syncs === 1 ? idle : exchanged, QUIET_MS);
			},
			onError(error) { throw error; },
			onDisconnected(error) { throw error; },
		};
		// In a turn of its own: what the start of a program leaves behind must not be counted.
		function start() {
			begin();
			native.resetPeaks();
			device = new Device(options);
		}
		keep(options, start, idle, exchanged);
		host.timer.set(start, 1);
		function idle() {
			end("live: lamp, connected and idle", true);
			beginGarbage();
			native.trace("#ready");
		}
		function exchanged() {
			endGarbage("garbage: lamp, one change desired and reported", true);
			native.collect();
			device.close();
		}
	`;
}

/** A lamp that ends when it is in sync: for the search of the smallest arena. */
export function syncOnce(): string {
	return `
		import host from "moorline/host";
		import { Device } from "moorline";
		import { privateCloud } from "moorline/clouds/private";
		const lamp = { on: false, brightness: 100 };
		const device = new Device({
			host,
			cloud: privateCloud(),
			firmware: { product: "lamp", version: "1.0.0" },
			onConnected() { device.report(lamp); },
			onDelta(delta) { device.report(delta); },
			onSync() { host.trace("#synced"); device.close(); },
		});
	`;
}
