// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE: messages that are sealed from end to end, whatever passes them on.
 *
 * One object for each peer, for as long as the program runs: it knows which numbers of the peer came before, and after
 * a reset it asks for an Echo before it takes the first request.
 *
 * What is refused is refused alike, in content and as far as the platform can in time; no message tells of keys.
 *
 * Read first: RFC 8613 §7, §8 and Appendix B. Not here: blocks outside, which proxies make; signaling messages.
 */
import { DeviceError } from "../base/error.js";
import { isEqual } from "../bytes/word.js";
import { classOf, Code, OptionNumber, Type } from "../coap/constants.js";
import { isRequest, isResponse, type Message } from "../coap/message.js";
import type { Outgoing } from "../coap/messenger.js";
import { findOption, uintOption, type Option } from "../coap/option.js";
import type { Binding, ProtectedRequest, Security, UnprotectedRequest } from "../coap/security.js";
import type { Host } from "../host.js";
import { byteString, joined } from "./bytes.js";
import { Context, TAG_LENGTH } from "./context.js";
import { Exchange } from "./exchange.js";
import { decodeInside, encodeInside, unwrap, wrap, type Inside } from "./layers.js";
import { Numbers } from "./numbers.js";
import { decodeNumber, decodeValue, encodeNumber, encodeValue, type OSCOREValue } from "./option.js";
import type { OSCOREParameters } from "./parameters.js";
import { Renewal, unwrapPart } from "./renewal.js";
import { ReplayWindow } from "./window.js";

export type OSCOREHost = Pick<Host, "crypto" | "random" | "storage" | "text">;

export interface OSCOREOptions {
	readonly host: OSCOREHost;
	readonly parameters: OSCOREParameters;
	/** Storage domain for what must outlive a reset, of these parameters alone. Default: `oscore`. */
	readonly path?: string | undefined;
}

/** Option head, flags, number, length of the ID context; code and payload marker inside; Observe on both sides. */
const OVERHEAD = 2 + 1 + 5 + 1 + 2 + 10 + TAG_LENGTH;
const CHALLENGE_LENGTH = 8;
const NOTHING = new Uint8Array(0);
const IGNORED: UnprotectedRequest = Object.freeze({ message: undefined, binding: undefined, answer: undefined });
/** Nothing that passes on what is answered here shall keep it. Spec: RFC 8613 §4.1.3.1. */
const UNKEPT: readonly Option[] = Object.freeze([Object.freeze({ number: OptionNumber.MAX_AGE, value: NOTHING })]);
/** Asks for the request once more, as a server's Echo does; but no server's is empty (RFC 9175 §2.2.1). */
const AGAIN: readonly Option[] = Object.freeze([Object.freeze({ number: OptionNumber.ECHO, value: NOTHING })]);

export class Oscore implements Security {
	readonly #host: OSCOREHost;
	readonly #parameters: OSCOREParameters;
	readonly #numbers: Numbers;
	readonly #renewal: Renewal | undefined;
	#context: Context;
	/** Of requests to us; `undefined` while it is not known which came before. */
	#window: ReplayWindow | undefined;
	/** What is to be echoed before the first request is taken. */
	#challenge: Uint8Array | undefined;

	/** @throws DeviceError `storage`, `corrupt` */
	constructor({ host, parameters, path = "oscore" }: OSCOREOptions) {
		this.#host = host;
		this.#parameters = parameters;
		this.#numbers = new Numbers(host, path);
		this.#renewal = parameters.renews ? new Renewal(host) : undefined;
		const kept = this.#renewal && this.#numbers.idContext;
		this.#context = new Context(host, parameters, kept ?? parameters.idContext ?? this.#renewal?.random());
	}

	get overhead(): number {
		const { senderId, idContext } = this.#context;
		return OVERHEAD + senderId.byteLength + (idContext === undefined ? 0 : 2 + idContext.byteLength);
	}

	protectRequest(message: Outgoing): ProtectedRequest {
		const context = this.#context;
		const { senderId } = context;
		const sent = withoutAgain(message);
		const observes = isRegistration(sent.options);
		const inside = encodeInside(this.#host.text, sent);
		const partialIV = encodeNumber(this.#numbers.take());
		const exchange = new Exchange(context, senderId, partialIV, observes);
		const sealed = context.seal(exchange.nonce, exchange.additional, inside);
		const value = encodeValue({ partialIV, kidContext: this.kidContext(), kid: senderId });
		return { message: wrap(sent, value, sealed), binding: exchange };
	}

	unprotectResponse(message: Message, binding: Binding): Message {
		const exchange = binding as Exchange;
		const option = findOption(message.options, OptionNumber.OSCORE);
		if (option === undefined) return this.bareResponse(message, exchange);
		const value = decodeValue(this.#host.text, option.value);
		if (this.#renewal !== undefined && value.kidContext !== undefined) {
			return this.renew(message, exchange, value, value.kidContext);
		}
		const inside = this.openResponse(message, exchange, exchange.context, value.partialIV);
		const { options } = inside;
		const isNotification = findOption(options, OptionNumber.OBSERVE) !== undefined;
		exchange.take(value.partialIV === undefined ? -1 : decodeNumber(value.partialIV), isNotification);
		if (!isNotification) return unwrap(message, inside);
		// They come in order only, so that a count says which is newer as well as their own numbers do.
		const observe = uintOption(OptionNumber.OBSERVE, exchange.count & 0xff_ffff);
		const numbered = options.map((each) => each.number === OptionNumber.OBSERVE ? observe : each);
		return unwrap(message, { ...inside, options: numbered });
	}

	unprotectRequest(message: Message): UnprotectedRequest {
		const option = findOption(message.options, OptionNumber.OSCORE);
		if (option === undefined) return this.refuse(message, Code.UNAUTHORIZED, "OSCORE only");
		// A part of a message, which only the whole of could be opened.
		if (findOption(message.options, OptionNumber.BLOCK1) !== undefined) {
			return this.refuse(message, Code.BAD_OPTION, "no outer blocks");
		}
		let value: OSCOREValue;
		try {
			value = decodeValue(this.#host.text, option.value);
		} catch {
			return this.refuse(message, Code.BAD_OPTION, "Failed to decode COSE");
		}
		const { partialIV, kid, kidContext } = value;
		if (partialIV === undefined || kid === undefined) {
			return this.refuse(message, Code.BAD_OPTION, "Failed to decode COSE");
		}
		if (!isEqual(kid, this.#context.recipientId)) {
			return this.refuse(message, Code.UNAUTHORIZED, "Security context not found");
		}
		try {
			return this.identified(message, partialIV.slice(), kidContext);
		} catch (error) {
			if ((error as Error).name !== "DeviceError") throw error;
			// Nothing could be kept, or no number is left.
			return this.refuse(message, Code.SERVICE_UNAVAILABLE, "");
		}
	}

	protectResponse(message: Outgoing, binding: Binding, first: boolean): Outgoing {
		const exchange = binding as Exchange;
		if (!first || exchange.isAnswered) return this.respond(message, exchange, undefined);
		exchange.isAnswered = true;
		const { context, nonce } = exchange;
		const sealed = context.seal(nonce, exchange.additional, encodeInside(this.#host.text, message));
		return wrap(message, NOTHING, sealed);
	}

	/** With a number of our own. @param context that it is sealed under, if that is another */
	private respond(
		message: Outgoing, exchange: Exchange, kidContext: Uint8Array | undefined, context = exchange.context,
	): Outgoing {
		const inside = encodeInside(this.#host.text, message);
		const partialIV = encodeNumber(this.#numbers.take());
		const sealed = context.seal(context.nonce(context.senderId, partialIV), exchange.additional, inside);
		return wrap(message, encodeValue({ partialIV, kidContext, kid: undefined }), sealed);
	}

	/** From whom we know, as it says. @throws DeviceError `storage`, `corrupt`, `credential` */
	private identified(
		message: Message, partialIV: Uint8Array, kidContext: Uint8Array | undefined,
	): UnprotectedRequest {
		const renewal = this.#renewal;
		if (kidContext !== undefined && !this.isOurs(kidContext)) {
			const part = renewal && unwrapPart(kidContext);
			if (part === undefined) return this.refuse(message, Code.UNAUTHORIZED, "Security context not found");
			if (!this.isOurs(part)) return this.renewed(message, partialIV, part, renewal!);
		}
		const number = decodeNumber(partialIV);
		if (this.#window?.isNew(number) === false) return this.refuse(message, Code.UNAUTHORIZED, "Replay detected");
		const exchange = new Exchange(this.#context, this.#context.recipientId, partialIV, false);
		const inside = this.openRequest(message, exchange);
		if (inside === undefined) return this.refuse(message, Code.BAD_REQUEST, "Decryption failed");
		if (this.#window === undefined && this.#numbers.begin()) this.#window = new ReplayWindow();
		if (this.#window === undefined && !this.isFresh(inside, number)) {
			return { ...IGNORED, answer: this.challenge(message, exchange) };
		}
		this.#window!.accept(number);
		return { message: unwrap(message, inside), binding: exchange, answer: undefined };
	}

	/** After a reset: whether the request holds what we have asked for since. Then nothing before it counts. */
	private isFresh({ options }: Inside, number: number): boolean {
		const echo = findOption(options, OptionNumber.ECHO);
		if (echo === undefined || this.#challenge === undefined || !isEqual(echo.value, this.#challenge)) return false;
		this.#window = new ReplayWindow();
		this.#window.begin(number);
		this.#challenge = undefined;
		return true;
	}

	/** With a number of our own, because the request's may have served before the reset. Spec: RFC 8613 §B.1.2. */
	private challenge(message: Message, exchange: Exchange): Outgoing {
		if (this.#challenge === undefined) {
			this.#challenge = new Uint8Array(CHALLENGE_LENGTH);
			this.#host.random(this.#challenge);
		}
		const options = [{ number: OptionNumber.ECHO, value: this.#challenge }];
		return this.respond(answerTo(message, Code.UNAUTHORIZED, options, NOTHING), exchange, undefined);
	}

	/** As server, steps 2 and 4 of renewal.ts. */
	private renewed(message: Message, partialIV: Uint8Array, part: Uint8Array, renewal: Renewal): UnprotectedRequest {
		const context = new Context(this.#host, this.#parameters, part);
		const exchange = new Exchange(context, context.recipientId, partialIV, false);
		const inside = this.openRequest(message, exchange);
		if (inside === undefined) return this.refuse(message, Code.UNAUTHORIZED, "Security context not found");
		if (renewal.isOffered(part)) {
			this.adopt(context);
			renewal.end();
			this.#window!.accept(decodeNumber(partialIV));
			return { message: unwrap(message, inside), binding: exchange, answer: undefined };
		}
		const offer = renewal.offer();
		const second = new Context(this.#host, this.#parameters, joined(offer, part));
		const answer = answerTo(message, Code.UNAUTHORIZED, [], NOTHING);
		return { ...IGNORED, answer: this.respond(answer, exchange, byteString(offer), second) };
	}

	/** As client, step 3 of renewal.ts: the request is to be made again, under the next context. */
	private renew(message: Message, exchange: Exchange, { partialIV }: OSCOREValue, kidContext: Uint8Array): Message {
		const { context } = exchange;
		const part = unwrapPart(kidContext);
		if (part === undefined) throw new DeviceError("malformed", "a response with an ID context that is none");
		const second = new Context(this.#host, this.#parameters, joined(part, context.idContext!));
		const inside = this.openResponse(message, exchange, second, partialIV);
		if (inside.code !== Code.UNAUTHORIZED) throw new DeviceError("violation", "an offer that is no error");
		// Of several requests under the lost context, the first one that is answered decides.
		if (context === this.#context) {
			const third = joined(part, this.#renewal!.random());
			this.adopt(new Context(this.#host, this.#parameters, third));
		}
		exchange.take(-1, false);
		return unwrap(message, { code: Code.UNAUTHORIZED, options: AGAIN, payload: NOTHING });
	}

	/** Nothing was sealed under it before, so that nothing can come again. @throws DeviceError `storage`, `corrupt` */
	private adopt(context: Context): void {
		this.#numbers.adopt(context.idContext!);
		this.#context = context;
		this.#window = new ReplayWindow();
		this.#challenge = undefined;
	}

	/** Anybody may have sent it: it counts for its code alone, and only where nothing better came. */
	private bareResponse(message: Message, exchange: Exchange): Message {
		if (classOf(message.code) < 4 || exchange.isTaken) {
			throw new DeviceError("signature", "the response is not protected");
		}
		// The server may have lost more than it can say: the next request begins anew. What is kept is kept.
		if (this.#renewal && message.code === Code.UNAUTHORIZED && exchange.context === this.#context) {
			this.#context = new Context(this.#host, this.#parameters, this.#renewal.random());
		}
		return { ...message, options: [], payload: NOTHING };
	}

	/** @throws DeviceError `signature` for what the peer has not sealed for this request; `malformed` */
	private openResponse(
		{ payload }: Message, exchange: Exchange, context: Context, partialIV: Uint8Array | undefined,
	): Inside {
		// Of the request as it was sent, also for a response under another context than its own.
		const nonce = partialIV === undefined ? exchange.nonce : context.nonce(context.recipientId, partialIV);
		const opened = context.open(nonce, exchange.additional, payload);
		if (opened === undefined) throw new DeviceError("signature", "no answer of the peer's to this request");
		const inside = decodeInside(this.#host.text, opened);
		if (!isResponse(inside.code)) throw new DeviceError("malformed", "a response that says it is none");
		return inside;
	}

	/** @returns `undefined` for what the peer has not sealed, and for what is no request */
	private openRequest({ payload }: Message, { context, nonce, additional }: Exchange): Inside | undefined {
		const opened = context.open(nonce, additional, payload);
		if (opened === undefined) return undefined;
		try {
			const inside = decodeInside(this.#host.text, opened);
			return isRequest(inside.code) ? inside : undefined;
		} catch {
			return undefined;
		}
	}

	private kidContext(): Uint8Array | undefined {
		const { idContext } = this.#context;
		return idContext && this.#renewal ? byteString(idContext) : idContext;
	}

	private isOurs(id: Uint8Array): boolean {
		const { idContext } = this.#context;
		return idContext !== undefined && isEqual(id, idContext);
	}

	/** Spec: RFC 8613 §8.2: unprotected, because there may be nothing in common to protect it with. */
	private refuse(message: Message, code: number, why: string): UnprotectedRequest {
		const { text } = this.#host;
		const payload = new Uint8Array(text.byteLength(why));
		text.encode(why, payload, 0);
		return { ...IGNORED, answer: answerTo(message, code, UNKEPT, payload) };
	}
}

function answerTo({ type, token }: Message, code: number, options: readonly Option[], payload: Uint8Array): Outgoing {
	return { confirmable: type === Type.CON, code, token, options, payload };
}

function isRegistration(options: readonly Option[]): boolean {
	const observe = findOption(options, OptionNumber.OBSERVE);
	return observe !== undefined && (observe.value.byteLength === 0 || decodeNumber(observe.value) === 0);
}

/** What asks for a request again is said to us alone. */
function withoutAgain(message: Outgoing): Outgoing {
	const { options } = message;
	const echo = findOption(options, OptionNumber.ECHO);
	if (echo === undefined || echo.value.byteLength > 0) return message;
	return { ...message, options: options.filter((option) => option !== echo) };
}
