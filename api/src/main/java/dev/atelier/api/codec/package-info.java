/** What Temporal's Web UI and command line ask for, to read what workflows were given. */
package dev.atelier.api.codec;
