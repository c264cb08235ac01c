/** Where a running local stack is found, and that its process is still the one that said so. */
package dev.atelier.cli.stack;
