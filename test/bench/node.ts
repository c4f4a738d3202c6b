// SPDX-License-Identifier: Apache-2.0
/**
 * The codecs on Node: messages a second, ours and the peer's in turn, many short rounds each.
 *
 * The machine's other work disturbs both alike; the ratio of the medians is the figure, the rates are decoration.
 */
import mqtt from "mqtt-packet";
import { createHost } from "../../hosts/node/host.js";
import { ours, SIZES, theirs, type Direction, type Work } from "./codec.js";

const ROUNDS = 21;
/** ms that a round takes at least. */
const ROUND = 25;

export interface Row {
	direction: Direction;
	size: number;
	/** Messages a second. */
	ours: number;
	theirs: number;
}

export function measureNode(): Row[] {
	const { text } = createHost({ directory: ".moorline" });
	const rows: Row[] = [];
	for (const direction of ["decode", "encode"] as const) {
		for (const size of SIZES) {
			const pair = [ours(text, direction, size), theirs(mqtt, direction, size)] as const;
			const counts = pair.map(calibrate);
			const rates: [number[], number[]] = [[], []];
			for (let round = 0; round < ROUNDS; round++) {
				pair.forEach((work, index) => rates[index]!.push(rate(work, counts[index]!)));
			}
			rows.push({ direction, size, ours: median(rates[0]), theirs: median(rates[1]) });
		}
	}
	return rows;
}

/** Messages that take about a round. */
function calibrate(work: Work): number {
	for (let count = 64; ; count *= 2) {
		const begin = performance.now();
		work.run(count);
		if (performance.now() - begin >= ROUND) return count;
	}
}

function rate(work: Work, count: number): number {
	const begin = performance.now();
	work.run(count);
	return count / (performance.now() - begin) * 1000;
}

function median(values: number[]): number {
	return values.sort((left, right) => left - right)[values.length >> 1]!;
}
