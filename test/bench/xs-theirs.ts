// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: `mqtt-packet` at work. A codec and no client: nothing is acknowledged. */
import mqtt from "mqtt-packet";
import { perform } from "./xs-perform.js";
import { theirs } from "./codec.js";
import { TASKS } from "./tasks.js";

perform(TASKS, ({ direction, qos, size }) => {
	const work = theirs(mqtt, direction === "received" ? "decode" : "encode", size, qos);
	return (count) => work.run(count);
});
