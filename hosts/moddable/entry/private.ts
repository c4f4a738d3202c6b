// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/clouds/private` of an application that includes our manifest by hand. */
export * from "moorline/dist/src/clouds/private/index";
