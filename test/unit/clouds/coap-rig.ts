// SPDX-License-Identifier: Apache-2.0
/** A cloud's connection over CoAP whose client, host and answers are the test's. */
import assert from "node:assert/strict";
import { privateCloud } from "../../../src/clouds/private/index.js";
import { PrivateCoAPConnection } from "../../../src/clouds/private/coap-connection.js";
import type { PrivateCloudOptions } from "../../../src/clouds/private/index.js";
import type { CloudClient } from "../../../src/clouds/coap.js";
import type { MessageTracer } from "../../../src/clouds/cloud.js";
import { DeviceError, type ErrorCode } from "../../../src/base/error.js";
import { Code, codeText } from "../../../src/coap/constants.js";
import type { Option } from "../../../src/coap/option.js";
import type { Cancelable, ObservationOwner, RequestOptions, RequestOwner, Response } from "../../../src/coap/request.js";
import { readCredentials } from "../../../src/identity/credentials.js";
import { FakeHost } from "../fake-host.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";
import { utf8 } from "../wire.js";

export const ID = "lamp-1";
const METHODS = ["", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"];

export function bytesOf(value: unknown): Uint8Array {
	return fromHex(utf8(JSON.stringify(value)));
}

export function textOf(bytes: Uint8Array): string {
	return text.decode(bytes, 0, bytes.byteLength);
}

/** One that was asked, or an observation. */
export class Asked implements Cancelable {
	readonly options: RequestOptions;
	readonly owner: RequestOwner | undefined;
	readonly observer: ObservationOwner | undefined;
	isCancelled = false;

	constructor(options: RequestOptions, owner: RequestOwner | undefined, observer: ObservationOwner | undefined) {
		this.options = options;
		this.owner = owner;
		this.observer = observer;
	}

	cancel(): void {
		this.isCancelled = true;
	}

	/** Such as `GET shadow` or `POST status {"online":true}`; an observation ends with a star. */
	toString(): string {
		const { code, path, payload, block } = this.options;
		const what = `${METHODS[code]}${this.observer === undefined ? "" : "*"} ${path.replace(`moorline/${ID}/`, "")}`;
		return what + (block === undefined ? "" : ` ${block.number}/${block.size}`) + (payload === undefined || payload.at(0)! > 0x7f ? "" : ` ${textOf(payload)}`);
	}
}

export class FakeClient implements CloudClient {
	connected = false;
	closed = false;
	/** How many more requests are taken. */
	room = Infinity;
	asked: Asked[] = [];

	request(options: RequestOptions, owner: RequestOwner): Cancelable {
		return this.ask(new Asked(options, owner, undefined));
	}

	observe(options: RequestOptions, observer: ObservationOwner): Cancelable {
		return this.ask(new Asked(options, undefined, observer));
	}

	close(): void {
		this.closed = true;
	}

	private ask(asked: Asked): Asked {
		assert.ok(this.connected, "asked without a connection");
		if (this.room-- <= 0) throw new DeviceError("full", "too many requests");
		this.asked.push(asked);
		return asked;
	}
}

export interface RigOptions {
	identity?: Readonly<Record<string, string>>;
	cloud?: PrivateCloudOptions;
	tracer?: MessageTracer;
}

export class CoAPRig {
	readonly host = new FakeHost();
	readonly client = new FakeClient();
	readonly connection: PrivateCoAPConnection;
	lines: string[] = [];

	constructor({ identity = { id: ID, endpoint: "coap://cloud" }, cloud = {}, tracer }: RigOptions = {}) {
		this.host.stored["identity"] = Object.fromEntries(Object.entries(identity).map(([key, value]) => [key, fromHex(utf8(value))]));
		this.connection = new PrivateCoAPConnection(cloud, {
			host: this.host, tracer, id: ID, firmware: { product: "lamp", version: "1.0.0" },
			onReady: () => this.lines.push("ready"),
			onLost: ({ code }) => this.lines.push(`lost ${code}`),
			onFault: ({ code, detail }) => this.lines.push(`fault ${code}${detail === undefined ? "" : ` ${codeText(detail)}`}`),
			onTurn: () => {},
		}, readCredentials(this.host)).open(this.client);
	}

	/** The same through the cloud that programs name, which chooses by the endpoint. */
	static scheme(endpoint: string): string {
		const host = new FakeHost();
		host.stored["identity"] = { id: fromHex(utf8(ID)), endpoint: fromHex(utf8(endpoint)) };
		const connection = privateCloud().connect({
			host, id: ID, firmware: undefined, onReady: () => {}, onLost: () => {}, onFault: () => {}, onTurn: () => {},
		});
		connection.close();
		return connection instanceof PrivateCoAPConnection ? "coap" : "mqtt";
	}

	/** Connected and greeted. */
	ready(code: number = Code.CREATED): this {
		this.client.connected = true;
		this.connection.onConnected();
		this.answer("POST status", code);
		return this;
	}

	lose(): void {
		this.client.connected = false;
		this.connection.onDisconnected(new DeviceError("timeout", "silence"), 1_000);
	}

	/** What was asked and is neither answered nor cancelled. */
	open(): string[] {
		return this.client.asked.filter(({ isCancelled }) => !isCancelled).map(String);
	}

	/** The one that begins so and is still wanted. */
	find(start: string): Asked {
		const found = this.client.asked.filter((asked) => !asked.isCancelled && String(asked).startsWith(start)).at(-1);
		assert.ok(found !== undefined, `${start} was not asked: ${this.client.asked.join(", ")}`);
		return found;
	}

	/** Answers the request that begins so. */
	answer(start: string, code: number, message?: unknown, more: Partial<Response> = {}): void {
		const asked = this.find(start);
		this.client.asked.splice(this.client.asked.indexOf(asked), 1);
		asked.owner!.onResponse(this.response(code, message, more), this.host.time.now());
	}

	fail(start: string, code: ErrorCode): void {
		const asked = this.find(start);
		this.client.asked.splice(this.client.asked.indexOf(asked), 1);
		asked.owner!.onError(new DeviceError(code, "failed"), this.host.time.now());
	}

	notify(start: string, message: unknown): void {
		this.find(start).observer!.onNotification(this.response(Code.CONTENT, message), this.host.time.now());
	}

	response(code: number, message: unknown, more: Partial<Response> = {}): Response {
		const payload = message instanceof Uint8Array ? message : message === undefined ? new Uint8Array(0) : bytesOf(message);
		const options: readonly Option[] = [];
		return { code, options, payload, block: undefined, ...more };
	}

	said(): string[] {
		return this.lines.splice(0);
	}
}
