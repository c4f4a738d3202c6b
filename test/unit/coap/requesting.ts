// SPDX-License-Identifier: Apache-2.0
/** A rig for requests: a messenger that keeps what it is given, and whose peer is the test. */
import type { DeviceError } from "../../../src/base/error.js";
import { blockOption, type Block } from "../../../src/coap/block.js";
import { Code, OptionNumber, Type } from "../../../src/coap/constants.js";
import type { Message } from "../../../src/coap/message.js";
import { MessengerEvent, type Messenger, type MessengerNews, type Outgoing } from "../../../src/coap/messenger.js";
import { uintOption, type Option } from "../../../src/coap/option.js";
import type { ObservationOwner, RequestOwner, Response } from "../../../src/coap/request.js";
import { Requests, type RequestsOptions } from "../../../src/coap/requests.js";
import { text } from "../text.js";

export class FakeMessenger implements Messenger {
	reliable = false;
	messageMaximum = 1_152;
	blockwise = true;
	readonly holdOff = 0;
	readonly deadline = Infinity;
	readonly unsent = false;
	readonly sent: (Outgoing & { handle: number })[] = [];
	readonly canceled: number[] = [];
	rejected = 0;
	room = Infinity;

	send(message: Outgoing): number | "full" {
		if (this.room-- <= 0) return "full";
		const handle = this.sent.length + 1;
		this.sent.push({ ...message, handle });
		return handle;
	}
	respond(): number { return 0; }
	reject(): void { this.rejected++; }
	cancel(handle: number): void { if (handle !== 0) this.canceled.push(handle); }
	ping(): number { return 0; }
	receive(): void {}
	transmit(): number { return 0; }
	expire(): void {}
	next(): undefined { return undefined; }
}

/** Keeps what it is told. */
export class Keeper implements RequestOwner, ObservationOwner {
	readonly told: (Response | DeviceError)[] = [];
	onResponse(response: Response): void { this.told.push({ ...response, payload: response.payload.slice() }); }
	onError(error: DeviceError): void { this.told.push(error); }
	onNotification(response: Response): void { this.onResponse(response); }
	onEnded(error: DeviceError): void { this.onError(error); }
	/** Of responses the code, of errors the code, in order. */
	get codes(): (number | string)[] { return this.told.map(({ code }) => code); }
	get last(): Response { return this.told.at(-1) as Response; }
}

export interface Answer {
	code?: number;
	type?: Type;
	options?: readonly Option[];
	payload?: Uint8Array;
	/** Absent: the one of what was sent last. */
	token?: Uint8Array;
	/** Whether it is in the acknowledgement. Default: yes. */
	piggybacked?: boolean;
}

export class Rig {
	readonly messenger = new FakeMessenger();
	readonly keeper = new Keeper();
	readonly requests: Requests;
	now = 1_000;

	constructor(options: Partial<RequestsOptions> = {}, messenger: Partial<FakeMessenger> = {}) {
		Object.assign(this.messenger, messenger);
		this.requests = new Requests(this.messenger, text, {
			tokenPrefix: 0xc0a9_0001, security: undefined, bodyMaximum: 4_096, blockLength: 1_024, ...options,
		});
	}

	/** Of what was sent so far. */
	get last(): Outgoing & { handle: number } {
		this.requests.flush(this.now);
		return this.messenger.sent.at(-1)!;
	}

	get count(): number {
		this.requests.flush(this.now);
		return this.messenger.sent.length;
	}

	/** What the peer says. @returns whether it was for the requests */
	answer({ code = Code.CONTENT, type, options = [], payload = new Uint8Array(0), token, piggybacked = true }: Answer = {}): boolean {
		const { last } = this;
		const message: Message = {
			type: type ?? (piggybacked ? Type.ACK : Type.CON), code, messageId: 7, token: token ?? last.token,
			options: [...options].sort((left, right) => left.number - right.number), payload,
		};
		return this.take({ type: MessengerEvent.MESSAGE, handle: piggybacked ? last.handle : 0, message });
	}

	take(news: Partial<MessengerNews>): boolean {
		return this.requests.take({
			type: MessengerEvent.MESSAGE, handle: 0, message: undefined, exchange: 0, error: undefined, ...news,
		}, this.now);
	}

	/** Lets time pass to what is due next. */
	wait(): void {
		this.now = Math.max(this.now, this.requests.deadline);
		this.requests.expire(this.now);
	}
}

export function block(option: number, number: number, more: boolean, size: number, bert = false): Option {
	const value: Block = { number, more, size, bert };
	return blockOption(option, value);
}

export function observe(number: number): Option {
	return uintOption(OptionNumber.OBSERVE, number);
}
