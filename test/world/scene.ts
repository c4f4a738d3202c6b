// SPDX-License-Identifier: Apache-2.0
/** What the tests of the world share: a world with one server, streams that record, and a host to play with. */
import { createWorld, type Device, type Incoming, type World, type WorldOptions } from "../../hosts/world/index.js";
import type { DeviceError } from "../../src/base/error.js";
import type { Host, Stream, StreamCallbacks } from "../../src/host.js";

export const SERVER = "10.0.0.1", PORT = 1883;

/** Callbacks that note everything and read nothing by themselves. */
export class Recorder {
	readonly callbacks: StreamCallbacks;
	readonly events: string[] = [];
	readonly received: number[] = [];
	available = 0;
	room = 0;
	error: DeviceError | undefined;
	stream: Stream | undefined;

	constructor(onReadable?: (recorder: Recorder) => void) {
		this.callbacks = {
			onReadable: count => {
				this.events.push(`readable ${count}`);
				this.available = count;
				onReadable?.(this);
			},
			onWritable: count => {
				this.events.push(`writable ${count}`);
				this.room = count;
			},
			onError: error => {
				this.events.push(`error ${error.code}`);
				this.error = error;
			},
		};
	}

	/** Reads `count` bytes, by default all that were announced. */
	take(count = this.available): void {
		const target = new Uint8Array(count);
		this.stream!.read(target);
		this.available -= count;
		for (let index = 0; index < count; index++) this.received.push(target[index]!);
	}

	get connected(): boolean {
		return this.events.some(event => event.startsWith("writable"));
	}
}

export interface Scene {
	world: World;
	device: Device;
	/** Of the device's boot, which has happened. */
	host: Host;
}

/** A world whose one device does nothing by itself. */
export function createScene(options: WorldOptions & { partitions?: Record<string, number> }): Scene {
	const world = createWorld(options);
	const device = world.device({ id: "lamp", program() {}, partitions: options.partitions });
	world.run(() => device.running);
	return { world, device, host: device.host };
}

export interface Link { client: Recorder; server: Recorder }

/** A TCP connection from the device to a server, both ends recorded; `take` makes each end read what comes. */
export function connect({ world, host }: Scene, take = true, port = PORT): Link {
	const onReadable = take ? (recorder: Recorder) => recorder.take() : undefined;
	const client = new Recorder(onReadable), server = new Recorder(onReadable);
	const listener = world.network.listen({ address: SERVER, port }, (incoming: Incoming) => {
		server.stream = incoming.accept(server.callbacks);
	});
	client.stream = new host.tcp.io({ address: SERVER, port, ...client.callbacks });
	world.run(() => client.connected && server.connected, { within: 120_000 });
	listener.close();
	return { client, server };
}

export function bytes(count: number, first = 0): Uint8Array {
	return Uint8Array.from({ length: count }, (_, index) => first + index & 0xff);
}
