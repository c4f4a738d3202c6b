// SPDX-License-Identifier: Apache-2.0
/**
 * Stands in for the package `bl` where the simulator is bundled for an engine without Node's streams.
 *
 * Only what mqtt-packet's parser uses, and only for our decoder, which shows it one whole packet at a time: the list
 * then never has more than one piece.
 */
class SinglePieceList {
	#bytes: Buffer | undefined;

	get length(): number { return this.#bytes?.byteLength ?? 0; }

	append(bytes: Buffer): void {
		if (this.length > 0) throw new Error("list holds a packet already");
		this.#bytes = bytes;
	}

	consume(count: number): void { this.#bytes = this.#bytes?.subarray(count); }
	readUInt8(offset: number): number { return this.#piece().readUInt8(offset); }
	readUInt16BE(offset: number): number { return this.#piece().readUInt16BE(offset); }
	readUInt32BE(offset: number): number { return this.#piece().readUInt32BE(offset); }
	slice(start: number, end: number): Buffer { return this.#piece().subarray(start, end); }
	toString(encoding: "utf8", start: number, end: number): string { return this.#piece().toString(encoding, start, end); }

	#piece(): Buffer {
		if (!this.#bytes) throw new RangeError("list is empty");
		return this.#bytes;
	}
}

function bl(): SinglePieceList {
	return new SinglePieceList();
}

module.exports = bl;
