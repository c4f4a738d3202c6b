// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: handles as many messages as the command line says, and tells what that allocated. */
import { Figure, native } from "../../hosts/xs/native.js";
import type { Direction, Work } from "./codec.js";

/** Rounds before the measurement, in which whatever is made once is made. */
const WARM_UP = 10;

export function perform(make: (direction: Direction, size: number) => Work): void {
	const work = make(native.argument(0) as Direction, Number(native.argument(1)));
	const count = Number(native.argument(2));
	work.run(WARM_UP);
	native.collector(false);
	const slots = native.figure(Figure.slotsAllocated);
	const chunks = native.figure(Figure.chunksAllocated);
	if (count > 0) work.run(count);
	const bytes = (native.figure(Figure.slotsAllocated) - slots) * native.figure(Figure.slotBytes)
		+ native.figure(Figure.chunksAllocated) - chunks;
	native.trace(String(bytes));
}
