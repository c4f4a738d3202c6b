// SPDX-License-Identifier: Apache-2.0
/** The global `Buffer`, apart from the other globals: its package patches prototypes as it loads. */
import { Buffer as PackageBuffer } from "buffer/";

export const Buffer: unknown = PackageBuffer;
