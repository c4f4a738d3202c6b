// SPDX-License-Identifier: Apache-2.0
/** Serves the simulated Golioth over datagrams, without protection, on whatever sockets and clock there are. */
import { Alarm, type AlarmClock, type AlarmOwner } from "../../../../src/base/alarm.js";
import type { Datagrams, Remote, UDPOptions } from "../../../../src/host.js";
import type { GoliothBackend } from "./backend.js";

/** Bytes of the largest datagram. */
const LENGTH = 65_507;

export class GoliothDatagrams implements AlarmOwner {
	readonly #backend: GoliothBackend;
	readonly #clock: AlarmClock;
	readonly #alarm: Alarm;
	readonly #socket: Datagrams;
	readonly #unwatch: () => void;
	readonly #buffer = new Uint8Array(LENGTH);

	constructor(backend: GoliothBackend, clock: AlarmClock, bind: (options: UDPOptions) => Datagrams, port: number) {
		this.#backend = backend;
		this.#clock = clock;
		this.#alarm = new Alarm(clock, this);
		this.#unwatch = backend.server.watch(() => { this.#arm(); });
		backend.onDeadline = () => { this.#arm(); };
		this.#socket = bind({ port, onReadable: () => { this.#read(); } });
		this.#arm();
	}

	get port(): number { return this.#socket.port; }

	expire(): void {
		this.#backend.expire(this.#clock.time.now());
		this.#arm();
	}

	close(): void {
		this.#unwatch();
		this.#backend.onDeadline = () => {};
		this.#alarm.set(Infinity);
		this.#socket.close();
	}

	#read(): void {
		const remote: Remote = { address: "", port: 0 };
		for (let count = this.#socket.read(this.#buffer, remote); count >= 0; count = this.#socket.read(this.#buffer, remote)) {
			const { address, port } = remote;
			const way = { send: (bytes: Uint8Array) => { this.#socket.write(bytes, address, port); } };
			this.#backend.server.receive(this.#buffer.slice(0, count), { key: `${address}:${port}` }, way, this.#clock.time.now());
		}
		this.#arm();
	}

	#arm(): void {
		this.#alarm.set(this.#backend.deadline);
	}
}
