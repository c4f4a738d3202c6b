// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: `mqtt-packet` at work. */
import mqtt from "mqtt-packet";
import { theirs } from "./codec.js";
import { perform } from "./xs-perform.js";

perform((direction, size) => theirs(mqtt, direction, size));
