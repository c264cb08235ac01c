/** The commands that run the local stack or the engine, and the program with all of them. */
package dev.atelier.local.command;
