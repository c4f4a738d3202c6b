// SPDX-License-Identifier: Apache-2.0
/** A request that came and is not answered yet, or a notification that a resource is asked for: what is kept of it. */
import { isEqual } from "../bytes/word.js";
import type { TextCodec } from "../host.js";
import type { Block } from "./block.js";
import { OptionNumber } from "./constants.js";
import { NO_OPTIONS, NOTHING, uintOf, type Message } from "./message.js";
import { findOption, type Option } from "./option.js";
import type { Replier, ResourceRequest, ResourceResponse } from "./resource.js";
import type { Binding } from "./security.js";

/** Is told when somebody answered: not always from a turn of the driver's. */
export interface InquiryOwner {
	wake(): void;
}

/** A copy, for the bytes of what came are gone with the turn that it came in. */
export function copyMessage({ type, code, messageId, token, options, payload }: Message): Message {
	const copies: Option[] = [];
	for (let index = 0; index < options.length; index++) {
		const { number, value } = options[index]!;
		copies.push({ number, value: value.byteLength === 0 ? NOTHING : value.slice() });
	}
	return {
		type, code, messageId, token: token.slice(), options: copies.length === 0 ? NO_OPTIONS : copies,
		payload: payload.byteLength === 0 ? NOTHING : payload.slice(),
	};
}

export class Inquiry implements ResourceRequest, Replier {
	/** Unprotected, and its bytes our own. */
	readonly message: Message;
	readonly path: string;
	readonly query: readonly string[];
	/** What the messenger knows it by, 0 for a notification. */
	readonly exchange: number;
	readonly binding: Binding | undefined;
	payload: Uint8Array;
	/** When it counts as unanswerable; monotonic ms. */
	due = Infinity;
	/** The handler was called; and is being called, so that nobody need be woken for what it says. */
	isServed = false;
	isServing = false;
	/** The answer found no room, and waits until `due`. */
	isSending = false;
	/** Of a body that comes in blocks: this one, which the answer names. */
	block1: Block | undefined;
	/** The block of the answer that is asked for. */
	block2: Block | undefined;
	response: ResourceResponse | undefined;
	readonly #owner: InquiryOwner;

	/** @throws DeviceError `malformed` for a path or a query that is no text */
	constructor(
		owner: InquiryOwner, codec: TextCodec, message: Message, exchange: number, binding: Binding | undefined,
	) {
		this.#owner = owner;
		this.message = message;
		this.payload = message.payload;
		this.exchange = exchange;
		this.binding = binding;
		this.path = textsOf(codec, message, OptionNumber.URI_PATH).join("/");
		this.query = textsOf(codec, message, OptionNumber.URI_QUERY);
	}

	get code(): number {
		return this.message.code;
	}

	get options(): readonly Option[] {
		return this.message.options;
	}

	get contentFormat(): number | undefined {
		return uintOf(this.message, OptionNumber.CONTENT_FORMAT);
	}

	get accept(): number | undefined {
		return uintOf(this.message, OptionNumber.ACCEPT);
	}

	get ifMatch(): readonly Uint8Array[] {
		return valuesOf(this.message, OptionNumber.IF_MATCH);
	}

	get ifNoneMatch(): boolean {
		return findOption(this.options, OptionNumber.IF_NONE_MATCH) !== undefined;
	}

	get isNotification(): boolean {
		return this.exchange === 0;
	}

	/** The same for all requests for blocks of one representation. */
	get key(): string {
		return `${this.code} ${this.path}?${this.query.join("&")} ${this.accept ?? ""}`;
	}

	/** Of another request for the same resource. */
	isSame(path: string, token: Uint8Array): boolean {
		return path === this.path && isEqual(token, this.message.token);
	}

	send(response: ResourceResponse): void {
		if (this.response !== undefined) return;
		this.response = response;
		if (!this.isServing) this.#owner.wake();
	}
}

export function valuesOf({ options }: Message, number: number): readonly Uint8Array[] {
	const values: Uint8Array[] = [];
	for (let index = 0; index < options.length; index++) {
		const option = options[index]!;
		if (option.number === number) values.push(option.value);
	}
	return values;
}

function textsOf(codec: TextCodec, message: Message, number: number): readonly string[] {
	const texts: string[] = [];
	const values = valuesOf(message, number);
	for (let index = 0; index < values.length; index++) {
		const value = values[index]!;
		texts.push(codec.decode(value, 0, value.byteLength));
	}
	return texts;
}
