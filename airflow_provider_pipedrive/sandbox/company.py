from datetime import datetime, timedelta
def z(t): return t.strftime("%Y-%m-%dT%H:%M:%SZ")
def F(i,code,name,kind,options=None,custom=False,opt=False):
    return {"id":i,"field_name":name,"field_code":code,"field_type":kind,"options":options,"subfields":None,"is_custom_field":custom,"is_optional_response_field":opt,"description":None}
def build(seed, deals, now):
    t=z(now-timedelta(days=10)); T={}
    T["users"]={i:{"id":i,"name":f"User {i}","email":f"user{i}@example.com","active_flag":True,"is_admin":1 if i==1 else 0,"role_id":1,"lang":1,"locale":"en_US","default_currency":"EUR","created":"2026-01-01 00:00:00","modified":None,"last_login":None,"access":[],"timezone_name":"UTC","timezone_offset":"+00:00","phone":None,"icon_url":None,"is_deleted":False,"has_created_company":i==1} for i in (1,2,3)}
    T["pipelines"]={1:{"id":1,"name":"Sales","order_nr":1,"is_deleted":False,"is_deal_probability_enabled":True,"add_time":t,"update_time":t}}
    T["stages"]={i:{"id":i,"name":f"Stage {i}","pipeline_id":1,"order_nr":i,"deal_probability":i*20,"is_deal_rot_enabled":False,"days_to_rotten":None,"is_deleted":False,"add_time":t,"update_time":t} for i in (1,2,3,4)}
    keys=[f"{i:040x}" for i in range(1,9)]
    kinds=["varchar","enum","set","monetary","date","daterange","address","double"]
    T["dealFields"]={1:F(1,"title","Title","varchar"),2:F(2,"label_ids","Label","set",[{"id":1,"label":"Hot"},{"id":2,"label":"Cold"}]),3:F(3,"status","Status","enum"),4:F(4,"stage_id","Stage","stage"),5:F(5,"value","Value","monetary")}
    for n,(k,kind) in enumerate(zip(keys,kinds)):
        T["dealFields"][10+n]=F(10+n,k,f"Custom {kind}",kind,[{"id":1,"label":"One"},{"id":2,"label":"Two"}] if kind in("enum","set") else None,True)
    for f,names in (("personFields",["name","label_ids"]),("organizationFields",["name","label_ids"]),("productFields",["name"]),("activityFields",["subject"]),("projectFields",["title"]),("leadFields",["title"]),("noteFields",["content"])):
        T[f]={i+1:F(i+1,n,n,"varchar") for i,n in enumerate(names)}
    T["activityTypes"]={1:{"id":1,"name":"Call","key_string":"call","icon_key":"call","active_flag":True,"color":None,"is_custom_flag":False,"order_nr":1,"add_time":t,"update_time":None}}
    T["leadLabels"]={"f08b42a0-4e75-11ea-9643-03698ef1cfd6":{"id":"f08b42a0-4e75-11ea-9643-03698ef1cfd6","name":"Hot","color":"red","add_time":t,"update_time":t}}
    T["leadSources"]={i+1:{"name":n} for i,n in enumerate(["API","Manually created"])}
    T["currencies"]={1:{"id":1,"code":"EUR","name":"Euro","decimal_points":2,"symbol":"€","active_flag":True,"is_custom_flag":False}}
    n=max(deals,3)
    T["organizations"]={i:{"id":i,"name":f"Org {i}","owner_id":1,"add_time":t,"update_time":t,"is_deleted":False,"visible_to":3,"address":None,"label_ids":[],"website":None,"linkedin":None,"industry":None,"annual_revenue":None,"employee_count":None,"custom_fields":None} for i in range(1,n//3+2)}
    T["persons"]={i:{"id":i,"name":f"Ann {i}","first_name":"Ann","last_name":str(i),"owner_id":1,"org_id":1,"add_time":t,"update_time":t,"emails":[{"value":f"p{i}@example.com","primary":True,"label":"work"}],"phones":[],"is_deleted":False,"visible_to":3,"label_ids":[],"picture_id":None,"custom_fields":None} for i in range(1,n//2+2)}
    T["products"]={i:{"id":i,"name":f"Product {i}","code":f"P{i}","unit":None,"tax":0,"is_deleted":False,"is_linkable":True,"visible_to":3,"owner_id":1,"add_time":t,"update_time":t,"description":None,"category":None,"billing_frequency":"one-time","billing_frequency_cycles":None,"prices":[{"currency":"EUR","price":10,"cost":1,"direct_cost":0}],"custom_fields":None} for i in (1,2,3)}
    T["deals"]={i:{"id":i,"title":f"Deal {i}","owner_id":1+i%3,"creator_user_id":1,"person_id":1+i%(n//2+1),"org_id":1,"pipeline_id":1,"stage_id":1+i%4,"value":i*10,"currency":"EUR","add_time":t,"update_time":z(now-timedelta(days=9)+timedelta(seconds=i)),"stage_change_time":None,"is_deleted":False,"is_archived":False,"archive_time":None,"status":"open" if i%3 else "won","probability":None,"lost_reason":None,"visible_to":3,"close_time":None,"won_time":None if i%3 else t,"lost_time":None,"expected_close_date":None,"label_ids":[1] if i%2 else [],"origin":"API","origin_id":None,"channel":None,"channel_id":None,"source_lead_id":None,"arr":None,"mrr":None,"acv":None,"custom_fields":{keys[0]:"text","%040x"%2:1,"%040x"%3:[1,2]}} for i in range(1,n+1)}
    T["dealProducts"]={1:{"id":1,"deal_id":1,"product_id":1,"item_price":10,"quantity":1,"sum":10}}
    T["activities"]={1:{"id":1,"subject":"Call","type":"call","owner_id":1,"creator_user_id":1,"is_deleted":False,"add_time":t,"update_time":t,"deal_id":1,"lead_id":None,"person_id":1,"org_id":1,"project_id":None,"due_date":"2026-01-01","due_time":None,"duration":None,"busy":False,"done":False,"marked_as_done_time":None,"location":None,"participants":[{"person_id":1,"primary":True}],"attendees":[]}}
    L="adf21080-0e10-11eb-879b-05d71fb426ec"
    T["leads"]={L:{"id":L,"title":"Lead deal","owner_id":1,"creator_id":1,"label_ids":[],"value":{"amount":5,"currency":"EUR"},"expected_close_date":None,"person_id":1,"organization_id":1,"is_archived":False,"archive_time":None,"source_name":"API","source_deal_id":None,"origin":"API","origin_id":None,"channel":None,"channel_id":None,"was_seen":False,"next_activity_id":None,"add_time":t,"update_time":t,"visible_to":"3","cc_email":"x@example.com"}}
    T["notes"]={1:{"id":1,"user_id":1,"content":"<p>Note</p>","add_time":t,"update_time":t,"active_flag":True,"deal_id":1,"person_id":None,"org_id":None,"lead_id":None,"project_id":None,"task_id":None}}
    T["files"]={1:{"id":1,"user_id":1,"deal_id":1,"person_id":1,"org_id":1,"product_id":1,"activity_id":None,"lead_id":None,"project_id":None,"log_id":None,"add_time":t,"update_time":t,"file_name":"1_a.txt","file_type":"txt","file_size":3,"active_flag":True,"inline_flag":False,"remote_location":"s3","remote_id":"1","cid":None,"s3_bucket":None,"mail_message_id":None,"mail_template_id":None,"name":"a.txt","description":None,"content":b"abc"}}
    T["callLogs"]={"log1":{"id":"log1","user_id":1,"outcome":"busy","to_phone_number":"+1","from_phone_number":None,"start_time":t,"end_time":t,"activity_id":None,"subject":None,"duration":"60","person_id":1,"org_id":None,"deal_id":1,"lead_id":None,"note":None,"has_recording":False}}
    T["mailThreads"]={1:{"id":1,"account_id":"1","user_id":1,"subject":"Hello","snippet":"Hi","folders":["inbox"],"folder":"inbox","read_flag":0,"archived_flag":0,"shared_flag":0,"deleted_flag":0,"add_time":t,"update_time":t,"deal_id":1,"lead_id":None,"message_count":1,"parties":{"to":[],"from":[]}}}
    T["mailMessages"]={1:{"id":1,"mail_thread_id":1,"user_id":1,"subject":"Hello","snippet":"Hi","body":"<p>Hi</p>","body_url":"https://sandbox.invalid/1","deal_id":1,"person_id":1,"org_id":1,"from":[],"to":[],"cc":[],"bcc":[],"read_flag":0,"message_time":t,"add_time":t,"update_time":t}}
    T["boards"]={1:{"id":1,"name":"Board","order_nr":1,"add_time":t,"update_time":t}}
    T["phases"]={1:{"id":1,"name":"Phase","board_id":1,"order_nr":1,"add_time":t,"update_time":t}}
    T["projects"]={1:{"id":1,"title":"Deal project","description":None,"status":"open","board_id":1,"phase_id":1,"owner_id":1,"start_date":None,"end_date":None,"deal_ids":[1],"person_ids":[1],"org_ids":[1],"label_ids":[],"health_status":None,"add_time":t,"update_time":t,"status_change_time":None,"archive_time":None,"is_archived":False,"is_deleted":False,"custom_fields":None}}
    T["tasks"]={1:{"id":1,"title":"Task","creator_id":1,"project_id":1,"description":None,"is_done":False,"is_milestone":False,"due_date":None,"start_date":None,"parent_task_id":None,"assignee_ids":[1],"priority":None,"add_time":t,"update_time":t,"marked_as_done_time":None,"is_deleted":False}}
    T["projectTemplates"]={1:{"id":1,"title":"Template","description":None,"projects_board_id":1,"owner_id":1,"add_time":t,"update_time":t}}
    T["filters"]={1:{"id":1,"name":"Open","active_flag":True,"type":"deals","user_id":1,"add_time":t,"update_time":None,"visible_to":7,"conditions":{"glue":"and","conditions":[{"glue":"and","conditions":[{"object":"deal","field_id":3,"operator":"=","value":"open","extra_value":None}]},{"glue":"or","conditions":[]}]}}}
    T["roles"]={1:{"id":1,"name":"Default","parent_role_id":None,"active_flag":True}}
    T["permissionSets"]={"p1":{"id":"p1","name":"Admin","description":None,"app":"sales","type":"admin","contents":["can_add_deals"]}}
    T["goals"]={"g1":{"id":"g1","owner_id":1,"title":"Goal","type":{"name":"deals_won","params":{"pipeline_id":[1]}},"assignee":{"id":1,"type":"person"},"interval":"monthly","duration":{"start":"2026-01-01","end":None},"expected_outcome":{"target":5,"tracking_metric":"quantity"},"is_active":True,"report_ids":[]}}
    T["teams"]={1:{"id":1,"name":"Team","description":None,"manager_id":1,"users":[1,2],"active_flag":1,"deleted_flag":0,"add_time":t,"created_by_user_id":1}}
    T["organizationRelationships"]={1:{"id":1,"type":"parent","rel_owner_org_id":1,"rel_linked_org_id":2,"add_time":t,"update_time":t}}
    T["followers"]={1:{"id":1,"entity":"deals","record_id":1,"user_id":3,"add_time":t}}
    T["participants"]={1:{"id":1,"deal_id":1,"person_id":1,"add_time":t}}
    T["dealChanges"]={1:{"id":1,"deal_id":1,"field_key":"stage_id","old_value":1,"new_value":2,"time":t,"actor_user_id":1}}
    for f in ("personFields","organizationFields","productFields","projectFields"):
        T[f][50]=F(50,"%040x"%(500+len(f)),"Custom enum","enum",[{"id":7,"label":"One"},{"id":8,"label":"Two"}],True)
    return T
