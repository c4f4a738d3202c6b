// SPDX-License-Identifier: Apache-2.0
/** What came, in order, for a test that waits for the next of it. */
export class Inbox<Item> {
	readonly #items: Item[] = [];
	readonly #waiting: ((item: Item) => void)[] = [];

	put(item: Item): void {
		const waiting = this.#waiting.shift();
		if (waiting) waiting(item);
		else this.#items.push(item);
	}

	/** The next one, also one that came before. */
	next(): Promise<Item> {
		const item = this.#items.shift();
		if (item !== undefined) return Promise.resolve(item);
		return new Promise((resolve) => { this.#waiting.push(resolve); });
	}

	async take(count: number): Promise<Item[]> {
		const items: Item[] = [];
		while (items.length < count) items.push(await this.next());
		return items;
	}

	/** What came and was not asked for. */
	rest(): Item[] {
		return this.#items.splice(0);
	}
}
