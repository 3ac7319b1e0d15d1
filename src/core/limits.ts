/** Limits that more than one layer must agree on, each with its reason. */

/** Largest file: offsets are JavaScript numbers. */
export const FILE_SIZE_MAX: number = Number.MAX_SAFE_INTEGER;
/** Bytes in a name, as Linux has it (NAME_MAX). */
export const NAME_SIZE_MAX = 255;
/** Bytes in a symbolic link's target (PATH_MAX less its NUL). */
export const SYMLINK_SIZE_MAX: number = 4095;
/** Hard links of a file and subdirectories' share in a directory's nlink, as ext4. */
export const LINK_COUNT_MAX = 65_000;
/** Bytes in an extended attribute's name and value, and of all names together, as Linux has them. */
export const XATTR_NAME_SIZE_MAX = 255;
export const XATTR_VALUE_SIZE_MAX: number = 65_536;
export const XATTR_LIST_SIZE_MAX: number = 65_536;
/** A block holds at most this much of a file; block boundaries in a file are multiples of it. */
export const BLOCK_SIZE_MAX: number = 4 * 1024 * 1024;
/** Compressed (and later sealed) unit inside a block: a 4 KiB read decodes at most this much. */
export const FRAME_SIZE: number = 128 * 1024;
/** A pack is closed when it has this many plain bytes. */
export const PACK_SIZE_TARGET: number = 16 * 1024 * 1024;
/** Blocks in one pack at most: bounds its index and its plan. */
export const PACK_BLOCK_COUNT_MAX = 8192;
/** Largest WRITE or READ the kernel sends us (max_write, max_pages x 4 KiB). */
export const REQUEST_DATA_SIZE_MAX: number = 1024 * 1024;
