// SPDX-License-Identifier: Apache-2.0
/** Ring: long random lives beside a plain array. */
import { RingModel } from "../unit/bytes/ring-model.js";
import { property } from "./random.js";

property("Ring does what an array does, for as long as one likes", 60, (random) => {
	const model = new RingModel(1 + random.below(120));
	const longest = 1 + random.below(40);
	for (let step = 0; step < 150; step++) {
		const { length } = model.held;
		if (length > 0 && random.once(2)) model.release(random.once(3) ? random.below(length) : 0);
		else model.append(random.below(longest));
		model.check();
	}
});
