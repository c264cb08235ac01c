/** How a client of Temporal is connected and secured. */
package dev.atelier.workflows.connection;
