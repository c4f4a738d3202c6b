// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: what each part of the host keeps after a collection, and what one call of it allocates, measured with
 * the collector off. Both are exact.
 *
 * Word 1 is the port of a server that sends back what comes.
 */
import { native } from "../../hosts/xs/native.js";
import { FlashQueue } from "../../src/mqtt/flash-queue.js";
import { Journal } from "../../src/storage/journal.js";
import { begin, end } from "./meter.js";
import host from "./xs-host.js";

const kept: { last: unknown } = { last: undefined };
const bytes = new Uint8Array(64);
const short = bytes.subarray(0, 36);
const line = "site/12/line/3/sensor/5/temperature.";
const nothing = (): void => {};
const socketOptions = { onReadable: nothing };
let socket: InstanceType<typeof host.udp.io> | undefined;
const path = { path: "state" };

function live(name: string, make: () => unknown): void {
	begin();
	kept.last = make();
	native.collect();
	end(name);
	kept.last = undefined;
}

function allocated(name: string, action: () => void): void {
	action();
	begin();
	native.collector(false);
	action();
	end(name);
	native.collector(true);
}

function measureParts(): void {
	live("live: a timer", () => host.timer.set(nothing, 1));
	live("live: a resolver", () => new host.dns.io());
	live("live: a storage domain", () => host.storage.open(path));
	live("live: a flash partition", () => host.flash.open(path));
	live("live: a queue of packets on flash", () => new FlashQueue(new Journal(host.crypto, host.flash.open(path))));
	live("live: a SHA-256 under way", () => host.crypto.digest("SHA-256"));
	allocated("allocated: text.encode of 36 bytes", () => { host.text.encode(line, bytes, 0); });
	allocated("allocated: text.decode of 36 bytes", () => { host.text.decode(bytes, 0, 36); });
	allocated("allocated: text.byteLength", () => { host.text.byteLength(line); });
	allocated("allocated: time.now and time.wall", () => { host.time.now(); host.time.wall(); });
	live("live: a UDP socket", () => socket = new host.udp.io(socketOptions));
	socket!.close();
	socket = undefined;
	begin();
	kept.last = new host.tcp.io(options);
}

let connected = false;
const options = {
	address: "127.0.0.1",
	port: Number(native.argument(1)),
	onWritable(): void {
		if (connected) return;
		connected = true;
		native.collect();
		end("live: a TCP stream, connected");
		const stream = kept.last as InstanceType<typeof host.tcp.io>;
		allocated("allocated: write of 36 bytes", () => { stream.write(short); });
	},
	onReadable(count: number): void {
		if (count < 72) return;
		const stream = kept.last as InstanceType<typeof host.tcp.io>;
		allocated("allocated: read of 36 bytes", () => { stream.read(short); });
		host.trace("ready");
	},
};

// The engine collects what no function refers to any more once the program ran: what measures is to stay.
(globalThis as unknown as { kept: unknown }).kept = [kept, begin, end, live, allocated, measureParts, options];
// In a turn of its own: what the start of a program leaves behind is not counted.
host.timer.set(measureParts, 1);
