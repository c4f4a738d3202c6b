// SPDX-License-Identifier: Apache-2.0
/**
 * The messages that a request takes: what each of them says of tokens, blocks, observing and echoes, and how it is
 * protected.
 *
 * Spec: RFC 7252 §5.3.1, RFC 7641 §2, RFC 7959 §2, RFC 7967 §2, RFC 9175 §2.3, §3.
 */
import { setWord, wordAt } from "../bytes/word.js";
import { BLOCK_MAXIMUM, blockOption, blockSize, type Block } from "./block.js";
import { OptionNumber } from "./constants.js";
import { NOTHING, TOKEN_MAXIMUM } from "./message.js";
import type { Messenger, Outgoing } from "./messenger.js";
import { uintOption, type Option } from "./option.js";
import type { Pending } from "./pending.js";
import type { RequestOptions } from "./request.js";
import type { Security } from "./security.js";
import type { Assembly } from "./transfer.js";

export interface ComposerOptions {
	/** Begins each token: four random bytes, so that nobody who does not see them can answer (RFC 7252 §5.3.1). */
	readonly tokenPrefix: number;
	readonly security: Security | undefined;
	/** Bytes of a block, at most. */
	readonly blockLength: number;
}

/** No answer, whatever its class. Spec: RFC 7967 §2.1. */
const SILENT = 26;
const PREFIX_LENGTH = 4;

export class Composer {
	readonly #messenger: Messenger;
	readonly #options: ComposerOptions;
	/** Tokens given out. */
	#count = 0;

	constructor(messenger: Messenger, options: ComposerOptions) {
		this.#messenger = messenger;
		this.#options = options;
	}

	/** The next message of a request, protected where that is wished. @throws DeviceError `storage`, `too-large` */
	compose(pending: Pending): Outgoing {
		const { registers } = pending;
		// A block that came late may have begun one meanwhile.
		if (registers) pending.assembly = undefined;
		const { confirmable = true, code } = pending.options;
		if (!registers || pending.registration === 0) pending.token = ++this.#count;
		else pending.token = pending.registration;
		const outgoing: Outgoing = {
			confirmable, code, token: this.token(pending.token), options: this.optionsOf(pending),
			payload: payloadOf(pending),
		};
		const { security } = this.#options;
		const secured = security?.protectRequest(outgoing);
		pending.binding = secured?.binding;
		if (registers) {
			pending.registers = false;
			pending.registration = pending.token;
			pending.registrationBinding = pending.binding;
		}
		return secured?.message ?? outgoing;
	}

	private optionsOf(pending: Pending): readonly Option[] {
		const { upload, assembly, registers, echo, options: { block, contentFormat } } = pending;
		const more: Option[] = [];
		if (registers) more.push(uintOption(OptionNumber.OBSERVE, pending.isLeaving ? 1 : 0));
		// Of a body that goes, and not of one that is asked for.
		if (contentFormat !== undefined && assembly === undefined) {
			more.push(uintOption(OptionNumber.CONTENT_FORMAT, contentFormat));
		}
		if (upload !== undefined) {
			const next = upload.block;
			more.push(blockOption(OptionNumber.BLOCK1, next));
			if (next.number === 0) more.push(uintOption(OptionNumber.SIZE1, upload.payload.byteLength));
			// Of no body on an earlier connection either, some block of which may be on its way yet.
			if (pending.tag === 0) pending.tag = (this.#options.tokenPrefix + this.#count) % 2 ** 32;
		}
		// On what is asked for after the body has gone, too: it is part of what the operation is told by.
		if (pending.tag !== 0) more.push(uintOption(OptionNumber.REQUEST_TAG, pending.tag));
		const asked = this.askedBlock(assembly, block);
		if (asked !== undefined) more.push(blockOption(OptionNumber.BLOCK2, asked));
		if (isSilent(pending)) more.push(uintOption(OptionNumber.NO_RESPONSE, SILENT));
		if (echo !== undefined) more.push({ number: OptionNumber.ECHO, value: echo });
		return pending.merge(more);
	}

	/** Which block to ask for, where it is not for the server to say. */
	private askedBlock(assembly: Assembly | undefined, block: RequestOptions["block"]): Block | undefined {
		const { reliable } = this.#messenger;
		if (assembly !== undefined && assembly.length > 0) {
			// As the server makes them, which may know no larger ones.
			const { size, length, bert } = assembly;
			return { number: length / size, more: false, size, bert };
		}
		if (block !== undefined) {
			const bert = reliable && block.size >= BLOCK_MAXIMUM;
			// Of larger blocks than there are, the first of those that they are made of.
			const size = Math.min(block.size, BLOCK_MAXIMUM);
			return { number: block.number * (block.size / size), more: false, size, bert };
		}
		const size = blockSize(this.#options.blockLength);
		return reliable || size === BLOCK_MAXIMUM ? undefined : { number: 0, more: false, size, bert: false };
	}

	private token(number: number): Uint8Array {
		const token = new Uint8Array(TOKEN_MAXIMUM);
		setWord(token, 0, this.#options.tokenPrefix);
		setWord(token, PREFIX_LENGTH, number);
		return token;
	}

	/** 0 for a token that is none of ours. */
	numberOf(token: Uint8Array): number {
		if (token.byteLength !== TOKEN_MAXIMUM || wordAt(token, 0) !== this.#options.tokenPrefix) return 0;
		return wordAt(token, PREFIX_LENGTH);
	}
}

function payloadOf({ options, upload, assembly }: Pending): Uint8Array {
	const payload = upload?.bytes ?? (assembly === undefined ? options.payload : undefined) ?? NOTHING;
	// It is over before it is sent, and its bytes are its owner's again.
	return options.silent === true && options.confirmable === false ? payload.slice() : payload;
}

/** What is sent now is answered by nothing: of a body in blocks, that is the last. */
export function isSilent({ options, upload }: Pending): boolean {
	return options.silent === true && upload?.block.more !== true;
}
