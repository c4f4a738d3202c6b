// SPDX-License-Identifier: Apache-2.0
/**
 * The host of the XS engine with a meter: what a program traces that ends with the word on the command line is
 * followed by a line of figures.
 *
 * Preloaded, and the same for all programs, so that what it takes is in the empty program's figures, too.
 */
import real from "../../hosts/xs/index.js";
import { Figure, native } from "../../hosts/xs/native.js";
import type { Host } from "../../src/host.js";
import { FIGURES_PREFIX, type Figures } from "./figures.js";

/** ms from the line to the figures: acknowledgements leave, and the stack is a timer's. */
const SETTLE = 50;

let slotsBefore = 0;
let chunksBefore = 0;

/** The next peaks and allocations are those since now. */
function mark(): void {
	native.collect();
	native.resetPeaks();
	slotsBefore = native.figure(Figure.slotsAllocated);
	chunksBefore = native.figure(Figure.chunksAllocated);
}

function measure(): void {
	const slotsAllocated = native.figure(Figure.slotsAllocated) - slotsBefore;
	const chunksAllocated = native.figure(Figure.chunksAllocated) - chunksBefore;
	const slotsPeak = native.figure(Figure.slotsPeak);
	const chunksPeak = native.figure(Figure.chunksPeak);
	const stackPeak = native.figure(Figure.stackPeak);
	// Marked before, too: what the marks take is then in the live figures of the first time as of all others.
	mark();
	const figures: Figures = {
		slots: native.figure(Figure.slots), chunks: native.figure(Figure.chunks),
		slotsPeak, chunksPeak, stackPeak, slotsAllocated, chunksAllocated,
	};
	native.trace(FIGURES_PREFIX + JSON.stringify(figures));
	mark();
}

function trace(line: string): void {
	native.trace(line);
	if (line.includes(native.argument(0)!)) native.timerSet(measure, SETTLE, 0);
}

// Not a spread: that would ask for the images, which nobody can while modules are preloaded.
const host: Host = Object.freeze(Object.defineProperties({} as Host, {
	...Object.getOwnPropertyDescriptors(real),
	trace: { value: trace, enumerable: true },
}));

export default host;
