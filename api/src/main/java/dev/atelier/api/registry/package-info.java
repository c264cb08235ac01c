/** What experiments have made that others can use, over REST: teachers and prepared datasets. */
package dev.atelier.api.registry;
