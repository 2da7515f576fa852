"use strict";
throw new Error("Broken");
