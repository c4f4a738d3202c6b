// SPDX-License-Identifier: Apache-2.0
/** Our CoAP client on the Node host, with promises for what it is asked, and what it says kept for the test. */
import type { TestContext } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import { CoAPClient, type CoAPClientOptions, type CoAPServerAddress } from "../../src/coap/client.js";
import { Code, codeText, OptionNumber } from "../../src/coap/constants.js";
import { uintValue } from "../../src/coap/message.js";
import { findOption, type Option } from "../../src/coap/option.js";
import type { Cancelable, RequestOptions, Response } from "../../src/coap/request.js";
import { createHost } from "../../hosts/node/index.js";
import { Inbox } from "./inbox.js";

export const host = createHost({ directory: "nowhere" });

export interface Answer {
	/** "2.05" and so on. */
	code: string;
	text: string;
	payload: Buffer;
	options: readonly Option[];
	block: Response["block"];
}

export interface Observation {
	notifications: Inbox<Answer>;
	ended: Promise<DeviceError>;
	cancel(): void;
}

type Asked = Omit<RequestOptions, "code" | "path" | "payload"> & { payload?: Uint8Array | string };

export class CoAPDevice {
	readonly client: CoAPClient;
	/** Each end of a connection, or of an attempt at one. */
	readonly ends = new Inbox<DeviceError>();
	readonly #connections = new Inbox<void>();

	/** @returns when it is connected; it is closed with the test */
	static async connect(context: TestContext, server: CoAPServerAddress, options: Partial<CoAPClientOptions> = {}): Promise<CoAPDevice> {
		const device = new CoAPDevice(context, server, options);
		await device.connected();
		return device;
	}

	constructor(context: TestContext, server: CoAPServerAddress, options: Partial<CoAPClientOptions> = {}) {
		this.client = new CoAPClient({
			host, server, ...options,
			onConnected: () => { this.#connections.put(); },
			onDisconnected: error => { this.ends.put(error); },
		});
		context.after(() => { this.client.close(); });
	}

	/** The next connection, also one that came about before. */
	connected(): Promise<void> {
		return this.#connections.next();
	}

	request(code: number, path: string, { payload, ...options }: Asked = {}): Promise<Answer> {
		return new Promise((resolve, reject) => {
			this.client.request({ code, path, ...options, ...(payload === undefined ? {} : { payload: Buffer.from(payload as Uint8Array) }) }, {
				onResponse: response => { resolve(keep(response)); },
				onError: reject,
			});
		});
	}

	get(path: string, options?: Asked): Promise<Answer> {
		return this.request(Code.GET, path, options);
	}

	put(path: string, payload: Uint8Array | string, options?: Asked): Promise<Answer> {
		return this.request(Code.PUT, path, { ...options, payload });
	}

	post(path: string, payload: Uint8Array | string, options?: Asked): Promise<Answer> {
		return this.request(Code.POST, path, { ...options, payload });
	}

	delete(path: string, options?: Asked): Promise<Answer> {
		return this.request(Code.DELETE, path, options);
	}

	observe(path: string, options: Omit<Asked, "payload"> = {}): Observation {
		const notifications = new Inbox<Answer>();
		let observation!: Cancelable;
		const ended = new Promise<DeviceError>(resolve => {
			observation = this.client.observe({ code: Code.GET, path, ...options }, {
				onNotification: response => { notifications.put(keep(response)); },
				onEnded: resolve,
			});
		});
		return { notifications, ended, cancel: () => { observation.cancel(); } };
	}
}

/** What is borrowed until the callback returns, copied. */
function keep({ code, options, payload, block }: Response): Answer {
	const copy = Buffer.from(payload);
	return { code: codeText(code), text: copy.toString(), payload: copy, block, options: options.map(({ number, value }) => ({ number, value: value.slice() })) };
}

export function optionOf({ options }: Answer, number: number): Buffer | undefined {
	const option = findOption(options, number);
	return option && Buffer.from(option.value);
}

export function numberOf(answer: Answer, number: number): number | undefined {
	const value = optionOf(answer, number);
	return value && uintValue(value);
}

/** The values of all options of that number, as text. */
export function textsOf({ options }: Answer, number: number): string[] {
	return options.filter(option => option.number === number).map(({ value }) => Buffer.from(value).toString());
}

export { Code, OptionNumber };

/** Every size that a block may have. */
export const BLOCK_SIZES = Object.freeze([16, 32, 64, 128, 256, 512, 1_024]);
