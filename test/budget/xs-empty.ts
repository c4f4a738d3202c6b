// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: nothing but the meter. */
import host from "./xs-host.js";

host.trace("ready");
