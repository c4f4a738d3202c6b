// SPDX-License-Identifier: Apache-2.0
/**
 * What must survive a reset: how far our numbers are used up, and which context was agreed on last.
 *
 * Numbers are reserved by the block, and written before the first of them is used: whenever the power fails, what was
 * used lies below what is kept, and the rest of a block is lost. They go on when the context changes, so that nothing
 * depends on the order of two writes. Each block is reserved against what is kept at that moment: two who share a
 * context in one program share no number.
 *
 * | bytes | |
 * |---|---|
 * | 0 | form: 1, or 3 with an ID context |
 * | 1-6 | the first number that is not reserved |
 * | 7… | ID context |
 *
 * Spec: RFC 8613 §7.5, Appendix B.1.1.
 */
import { DeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import type { Host, StorageDomain } from "../host.js";
import { NUMBER_END } from "./option.js";

/** Numbers between two writes. */
export const NUMBER_BLOCK = 64;
const KEY = "numbers";
const FORM = 1;
const WITH_CONTEXT = 2;
const HEAD_LENGTH = 7;
const WORD = 0x1_0000_0000;

interface Kept {
	readonly end: number;
	readonly idContext: Uint8Array | undefined;
}

export class Numbers {
	readonly #host: Pick<Host, "storage" | "text">;
	readonly #path: string;
	#next = 0;
	/** Of our block. */
	#end = 0;

	/** @param path of the storage domain, which this keeps for itself */
	constructor(host: Pick<Host, "storage" | "text">, path: string) {
		this.#host = host;
		this.#path = path;
	}

	/** What was adopted last. @throws DeviceError `storage`, `corrupt` */
	get idContext(): Uint8Array | undefined {
		return this.kept()?.idContext;
	}

	/** A number never taken before. @throws DeviceError `storage`, `corrupt`; `credential` when all are used up */
	take(): number {
		if (this.#next === this.#end) this.reserve();
		return this.#next++;
	}

	/**
	 * From here on the context is in use.
	 * @returns true when it never was before
	 * @throws DeviceError `storage`, `corrupt`
	 */
	begin(): boolean {
		if (this.kept() !== undefined) return false;
		this.keep(this.#end, undefined);
		return true;
	}

	/** Keeps the ID context that was agreed on. @throws DeviceError `storage`, `corrupt` */
	adopt(idContext: Uint8Array): void {
		this.keep(Math.max(this.kept()?.end ?? 0, this.#end), idContext);
	}

	private reserve(): void {
		const kept = this.kept();
		const start = Math.max(kept?.end ?? 0, this.#end);
		if (start >= NUMBER_END) throw new DeviceError("credential", "the numbers of the security context are used up");
		const end = Math.min(start + NUMBER_BLOCK, NUMBER_END);
		this.keep(end, kept?.idContext);
		this.#next = start;
		this.#end = end;
	}

	private kept(): Kept | undefined {
		const domain = this.open();
		try {
			const bytes = domain.read(KEY);
			return bytes && this.decode(bytes);
		} finally {
			domain.close();
		}
	}

	private decode(bytes: Uint8Array): Kept {
		const reader = new Reader(this.#host.text);
		reader.reset(bytes, 0, bytes.byteLength);
		const form = bytes.byteLength < HEAD_LENGTH ? 0 : reader.uint8();
		const end = form === 0 ? 0 : reader.uint16() * WORD + reader.uint32();
		const isWhole = form === FORM ? reader.remaining === 0 : form === (FORM | WITH_CONTEXT);
		if (!isWhole || end > NUMBER_END) throw new DeviceError("corrupt", "what was kept of the numbers is damaged");
		return { end, idContext: form === FORM ? undefined : bytes.slice(HEAD_LENGTH) };
	}

	private keep(end: number, idContext: Uint8Array | undefined): void {
		const bytes = new Uint8Array(HEAD_LENGTH + (idContext?.byteLength ?? 0));
		const writer = new Writer(this.#host.text);
		writer.reset(bytes, 0, bytes.byteLength);
		writer.uint8(idContext === undefined ? FORM : FORM | WITH_CONTEXT);
		writer.uint16(Math.floor(end / WORD));
		writer.uint32(end % WORD);
		if (idContext !== undefined) writer.copy(idContext, 0, idContext.byteLength);
		const domain = this.open();
		try {
			domain.write(KEY, bytes);
		} finally {
			domain.close();
		}
	}

	private open(): StorageDomain {
		return this.#host.storage.open({ path: this.#path });
	}
}
