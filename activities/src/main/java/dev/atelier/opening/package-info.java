/** The process of its own that decodes what users name, and how a worker asks it. */
package dev.atelier.opening;
