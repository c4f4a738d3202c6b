// SPDX-License-Identifier: Apache-2.0
/** Records on their way to the cloud: a report of one boot's, as many as fit. */
import { Writer } from "../bytes/writer.js";
import { CBORWriter } from "../cbor/writer.js";
import type { TextCodec } from "../host.js";
import { REPORT_LENGTH } from "./report.js";

/** Bytes of the longest head: `{"boot": …, "lost": …, "records": […` */
const HEAD_MAXIMUM = 40;

export class LogBatch {
	/** The records follow one another in it. */
	readonly writer: Writer;
	/** Records in it. */
	count = 0;
	/** Records of which it says that they are lost. */
	lost = 0;
	/** Number of the last record of this run that the cloud has, once it has this batch. */
	sent: number;
	/** Place in the flash of the first record that it then does not have; -1: as before. */
	place = -1;
	readonly #bytes = new Uint8Array(REPORT_LENGTH);
	#boot = -1;
	#report = this.#bytes;

	constructor(text: TextCodec, sent: number) {
		this.writer = new Writer(text);
		this.writer.reset(this.#bytes, HEAD_MAXIMUM, REPORT_LENGTH);
		this.sent = sent;
	}

	/** Whether a record of so many bytes of that boot can follow. */
	admits(boot: number, length: number): boolean {
		if (this.count === 0) this.#boot = boot;
		return boot === this.#boot && length <= this.writer.remaining;
	}

	/** Puts the head before the records. */
	close(text: TextCodec, lost: number): void {
		const { count } = this;
		this.lost = lost;
		const head = new CBORWriter(text);
		head.map(lost === 0 ? 2 : 3);
		head.write("boot");
		head.write(this.#boot);
		if (lost > 0) {
			head.write("lost");
			head.write(lost);
		}
		head.write("records");
		head.array(count);
		const bytes = head.finish();
		const start = HEAD_MAXIMUM - bytes.byteLength;
		this.#bytes.set(bytes, start);
		this.#report = this.#bytes.subarray(start, this.writer.position);
	}

	get report(): Uint8Array {
		return this.#report;
	}
}
