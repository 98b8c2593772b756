core.register_action("mark", { "http-req" }, function(txn) txn:set_var("txn.mark", "1") end)
