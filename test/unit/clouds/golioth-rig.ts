// SPDX-License-Identifier: Apache-2.0
/** A connection to Golioth whose CoAP client is the test. */
import assert from "node:assert/strict";
import { codeText, Code } from "../../../src/coap/constants.js";
import { uintOption, type Option } from "../../../src/coap/option.js";
import type { Cancelable, ObservationOwner, RequestOptions, RequestOwner, Response } from "../../../src/coap/request.js";
import { DeviceError } from "../../../src/base/error.js";
import type { Firmware } from "../../../src/base/firmware.js";
import { GoliothConnection } from "../../../src/clouds/golioth/connection.js";
import type { GoliothOptions } from "../../../src/clouds/golioth/index.js";
import { FakeHost } from "../fake-host.js";
import { fromHex, toHex } from "../hex.js";
import type { Driven } from "../operations/service-rig.js";
import { utf8 } from "../wire.js";
import { text } from "../text.js";

export const IDENTITY: Readonly<Record<string, string>> = { id: "lamp-1", "psk-identity": "lamp-1@project", psk: "secret" };
const METHODS = ["", "GET", "POST", "PUT", "DELETE"];
const FIRMWARE: Firmware = { product: "lamp", version: "1.0.0" };
const TURN_MAXIMUM = 20;
const CONTENT_FORMAT = 12;
const JSON_FORMAT = 50;
const CBOR_FORMAT = 60;

interface Asked extends Cancelable {
	readonly options: RequestOptions;
	readonly owner: RequestOwner | undefined;
	readonly observer: ObservationOwner | undefined;
	isOver: boolean;
}

export interface GoliothRigOptions {
	identity?: Readonly<Record<string, string>>;
	cloud?: GoliothOptions;
	/** Null: none. */
	firmware?: Firmware | null;
	host?: FakeHost;
}

export class GoliothRig {
	readonly host: FakeHost;
	readonly connection: GoliothConnection;
	readonly services: Driven[] = [];
	lines: string[] = [];
	connected = false;
	#asked: Asked[] = [];

	constructor({ identity = IDENTITY, cloud = {}, firmware = FIRMWARE, host = new FakeHost() }: GoliothRigOptions = {}) {
		this.host = host;
		const domain: Record<string, Uint8Array> = {};
		for (const [key, value] of Object.entries(identity)) domain[key] = fromHex(utf8(value));
		host.stored["identity"] = domain;
		this.connection = new GoliothConnection(cloud, {
			host, id: "lamp-1", firmware: firmware ?? undefined,
			onReady: () => this.lines.push("ready"),
			onLost: ({ code }) => this.lines.push(`lost ${code}`),
			onFault: ({ code, message }) => this.lines.push(`fault ${code}: ${message}`),
			onTurn: () => undefined,
		}).open(this);
	}

	/** As the client's. */
	request(options: RequestOptions, owner: RequestOwner): Cancelable {
		return this.#add({ options, owner, observer: undefined });
	}

	/** As the client's. */
	observe(options: RequestOptions, observer: ObservationOwner): Cancelable {
		return this.#add({ options, owner: undefined, observer });
	}

	/** As the client's. */
	close(): void {
		this.lines.push("close");
	}

	/** Connected, and greeted. */
	accept(): void {
		this.connected = true;
		this.connection.onConnected();
		this.answer(Code.CHANGED);
		this.run();
	}

	lose(): void {
		this.connected = false;
		this.#asked = [];
		this.connection.onDisconnected(new DeviceError("closed", "gone"), 1_000);
	}

	/** Something waits for an answer. */
	get isAsked(): boolean {
		return this.#asked.some(({ owner, isOver }) => owner !== undefined && !isOver);
	}

	/** Answers the oldest request. */
	answer(code: number, payload: string | object | undefined = "", options: readonly Option[] = []): void {
		const asked = this.#asked.find(({ owner, isOver }) => owner !== undefined && !isOver);
		assert.ok(asked, "nothing was asked");
		asked.isOver = true;
		asked.owner!.onResponse(responseOf(code, payload, options), this.host.clock);
		this.run();
	}

	/** The observation of that path hears of something. */
	notify(path: string, payload: string | object, code: number = Code.CONTENT): void {
		const observed = this.#asked.find(({ observer, isOver, options }) => observer !== undefined && !isOver && options.path === path);
		assert.ok(observed, `${path} is not observed`);
		observed.observer!.onNotification(responseOf(code, payload), this.host.clock);
		this.run();
	}

	/** Does what is due at once. */
	run(): void {
		const { clock } = this.host;
		for (const service of this.services) {
			for (let turns = 0; service.deadline <= clock; turns++) {
				assert.ok(turns < TURN_MAXIMUM, "due for ever");
				service.expire(clock);
			}
		}
		this.host.advance(0);
		for (const service of this.services) if (service.deadline <= clock) service.expire(clock);
	}

	/** What was asked and told since the last time. */
	take(): string[] {
		this.run();
		const { lines } = this;
		this.lines = [];
		return lines;
	}

	#add(asking: Pick<Asked, "options" | "owner" | "observer">): Cancelable {
		const asked: Asked = {
			...asking, isOver: false,
			cancel: () => {
				if (!asked.isOver && asked.observer !== undefined) this.lines.push(`cancel ${asked.options.path}`);
				asked.isOver = true;
			},
		};
		this.#asked.push(asked);
		this.lines.push(lineOf(asked));
		return asked;
	}
}

function lineOf({ options: { code, path, payload, contentFormat, accept, block }, observer }: Asked): string {
	const words = [observer === undefined ? METHODS[code]! : "OBSERVE", path];
	if (block !== undefined) words.push(`block ${block.number} of ${block.size}`);
	if (accept !== undefined) words.push(`as ${accept}`);
	if (contentFormat !== undefined) words.push(String(contentFormat));
	if (payload !== undefined) words.push(contentFormat === JSON_FORMAT ? text.decode(payload, 0, payload.length) : toHex(payload));
	return words.join(" ");
}

/** @param payload hexadecimal bytes are CBOR, objects are JSON */
function responseOf(code: number, payload: string | object, options: readonly Option[] = []): Response {
	const isHex = typeof payload === "string";
	assert.ok(codeText(code));
	return {
		code, payload: fromHex(isHex ? payload : utf8(JSON.stringify(payload))), block: undefined,
		options: [uintOption(CONTENT_FORMAT, isHex ? CBOR_FORMAT : JSON_FORMAT), ...options],
	};
}
