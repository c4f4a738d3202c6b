// SPDX-License-Identifier: Apache-2.0

/** A service that is there for a while. */
export interface Closer {
	close(): void;
}
