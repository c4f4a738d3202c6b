// SPDX-License-Identifier: Apache-2.0
/** The world keeps the promises that every host keeps, on a calm network. */
import { crypto } from "../../hosts/node/digest.js";
import { verifyPoint } from "./node-keys.js";
import { holdToPromises } from "./promises.js";
import { makeWorldPlatform } from "./world-platform.js";

holdToPromises(makeWorldPlatform({ seed: "promises", digest: (algorithm) => crypto.digest(algorithm), cipher: crypto, verify: verifyPoint }));
