/** How a client of Temporal is connected and secured, and how what it hands over is encrypted. */
package dev.atelier.workflows.connection;
