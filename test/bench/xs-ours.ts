// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: our codec at work. */
import host from "../../hosts/xs/index.js";
import { ours } from "./codec.js";
import { perform } from "./xs-perform.js";

perform((direction, size) => ours(host.text, direction, size));
