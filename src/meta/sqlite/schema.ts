/**
 * The schema of the metadata database, version 1. Names are short: they are stored once, but read often by people
 * with the sqlite3 shell. Names of files are TEXT with one character a byte (latin1 read as code points).
 *
 * Application id and user_version say what the file is; another version is refused (rule: refuse, never blank).
 */

/** "Shoa" */
export const APPLICATION_ID = 0x53686f61;
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE inode (ino INTEGER PRIMARY KEY, attr BLOB NOT NULL);
CREATE TABLE dentry (parent INTEGER NOT NULL, name TEXT NOT NULL, target INTEGER NOT NULL, cookie INTEGER NOT NULL,
  PRIMARY KEY (parent, name)) WITHOUT ROWID;
CREATE TABLE dirorder (parent INTEGER NOT NULL, cookie INTEGER NOT NULL, name TEXT NOT NULL, target INTEGER NOT NULL,
  PRIMARY KEY (parent, cookie)) WITHOUT ROWID;
CREATE TABLE symlink (ino INTEGER PRIMARY KEY, target TEXT NOT NULL);
CREATE TABLE xattr (ino INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (ino, name)) WITHOUT ROWID;
CREATE TABLE slice (ino INTEGER NOT NULL, pos INTEGER NOT NULL, length INTEGER NOT NULL, pack INTEGER NOT NULL,
  idx INTEGER NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (ino, pos)) WITHOUT ROWID;
CREATE TABLE pack (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, stored INTEGER NOT NULL, plain INTEGER NOT NULL,
  live INTEGER NOT NULL, refs INTEGER NOT NULL, born INTEGER NOT NULL, died INTEGER NOT NULL);
CREATE TABLE orphan (ino INTEGER PRIMARY KEY);
CREATE TABLE plan (pack INTEGER PRIMARY KEY, plan BLOB NOT NULL);
CREATE TABLE setting (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;
