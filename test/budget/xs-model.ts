// SPDX-License-Identifier: Apache-2.0
/** A shadow's model with ten fields. Preloaded, as a constant of a device's program can be: it takes no memory. */
import { boolean, model, number, string } from "moorline";

export const TEN = model({
	on: boolean({ merge: "last" }),
	brightness: number({ merge: "cloud" }),
	starts: number({ merge: "sum" }),
	interval: number(),
	name: string(),
	colour: { hue: number(), saturation: number() },
	limits: { current: number(), temperature: number(), power: number({ merge: "maximum" }) },
});
