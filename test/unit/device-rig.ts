// SPDX-License-Identifier: Apache-2.0
/** A device with an identity on a host that the test plays, and the private cloud's side of the wire. */
import assert from "node:assert/strict";
import { privateCloud, type PrivateCloudOptions } from "../../src/clouds/private/index.js";
import { Device, type DeviceOptions } from "../../src/device.js";
import { FakeHost, type FakeStream } from "./fake-host.js";
import { fromHex, toHex } from "./hex.js";
import { text } from "./text.js";
import { connack, publish, suback, subscribe, utf8 } from "./wire.js";

export const ID = "lamp-1";
const FILTERS = ["document", "delta", "accepted", "rejected", "deleted"].map((name): [string, number] => [`moorline/${ID}/shadow/${name}`, 1]);

/** What a factory put into the storage, as text; keys and certificates are not looked at. */
export const IDENTITY: Readonly<Record<string, string>> = { id: ID, endpoint: "mqtt://broker" };

/** Of every token: what the host's dice give. */
export const PREFIX = `${(0x8080_8080).toString(36)}-`;

/** A message to the cloud, as the device sends it. */
export const sent = (topic: string, message: unknown, retain = false): string =>
	publish({ topic: `moorline/${ID}/${topic}`, payload: utf8(JSON.stringify(message)), retain });

export interface RigOptions {
	identity?: Readonly<Record<string, string>>;
	cloud?: PrivateCloudOptions;
	device?: Partial<DeviceOptions>;
}

export class DeviceRig {
	readonly host = new FakeHost();
	readonly device: Device;
	lines: string[] = [];
	/** Set while the test is inside a call: no callback may come. */
	calling = false;
	#id = 0;

	constructor({ identity = IDENTITY, cloud = {}, device = {} }: RigOptions = {}) {
		const domain: Record<string, Uint8Array> = {};
		for (const [key, value] of Object.entries(identity)) domain[key] = fromHex(utf8(value));
		this.host.stored["identity"] = domain;
		const note = (line: string): void => {
			assert.ok(!this.calling, `"${line}" came from inside a call`);
			this.lines.push(line);
		};
		this.device = this.call(() => new Device({
			host: this.host,
			cloud: privateCloud(cloud),
			onConnected: () => note("connected"),
			onDisconnected: ({ code }) => note(`disconnected ${code}`),
			onDelta: (delta, version) => note(`delta ${version} ${JSON.stringify(delta)}`),
			onSync: (version) => note(`sync ${version}`),
			onError: ({ code }) => note(`error ${code}`),
			...device,
		}));
	}

	/** A rig that is connected and in sync at version 5, with everything so far forgotten. */
	static synced(options: RigOptions = {}): DeviceRig {
		const rig = new DeviceRig(options);
		rig.accept();
		rig.message("shadow/document", { token: "1", version: 5, desired: {}, reported: {} });
		rig.stream.take();
		rig.take();
		return rig;
	}

	get stream(): FakeStream {
		return this.host.stream;
	}

	/** Plays the network up to CONNECT, which is answered with. */
	reach(): string {
		return this.host.reach();
	}

	/** Plays network and broker up to the request for the document. */
	accept(...codes: number[]): void {
		this.reach();
		const { stream } = this.host;
		stream.deliver(connack());
		const said = stream.take();
		const [start = "", id = ""] = /^82....(....)/.exec(said) ?? [];
		assert.ok(start !== "" && said.startsWith(subscribe(Number.parseInt(id, 16), ...FILTERS)), said);
		stream.deliver(suback(Number.parseInt(id, 16), ...(codes.length > 0 ? codes : [1, 1, 1, 1, 1])));
		this.host.advance(0);
	}

	/** A message of the cloud, as JSON; tokens without their prefix. */
	message(topic: string, message: unknown): void {
		this.raw(topic, utf8(JSON.stringify(message).replace(/"token":"(\d+)"/, `"token":"${PREFIX}$1"`)));
	}

	/** A message of the cloud, as hexadecimal bytes: it is acknowledged whatever it is. */
	raw(topic: string, payload: string): void {
		const id = ++this.#id;
		this.stream.deliver(publish({ topic: `moorline/${ID}/${topic}`, payload, qos: 1, id }));
		this.host.advance(0);
	}

	call<Result>(action: () => Result): Result {
		this.calling = true;
		try {
			return action();
		} finally {
			this.calling = false;
		}
	}

	/** What the program was told since the last time, what is due at once included. */
	take(): string[] {
		this.host.advance(0);
		const { lines } = this;
		this.lines = [];
		return lines;
	}

	/**
	 * What the device sent to the cloud since the last time: topic and message, a line for each PUBLISH. What is no text
	 * is hexadecimal, tokens with their prefix.
	 */
	said(): string[] {
		this.host.advance(0);
		const bytes = fromHex(this.stream.take());
		const lines: string[] = [];
		for (let at = 0; at < bytes.length;) {
			const header = bytes[at++]!;
			let length = 0;
			for (let digit = 0x80, factor = 1; digit >= 0x80; factor *= 128) {
				digit = bytes[at++]!;
				length += (digit % 128) * factor;
			}
			if (header >> 4 === 3) {
				const start = at + 2 + (bytes[at]! << 8) + bytes[at + 1]!;
				const topic = text.decode(bytes, at + 2, start).replace(`moorline/${ID}/`, "");
				const isText = bytes[start]! < 0x80;
				const payload = isText ? text.decode(bytes, start, at + length).replace(PREFIX, "") : toHex(bytes, start, at + length);
				lines.push(`${topic} ${payload}`);
			} else if (header !== 0x40) {
				lines.push(toHex(bytes, at, at + length) === "" ? header.toString(16) : `${header.toString(16)} packet`);
			}
			at += length;
		}
		return lines;
	}
}
